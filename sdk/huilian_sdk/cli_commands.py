"""What the commands do. Each takes the parsed options; the exit status is what it returns, 0 by default."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from huilian_protocol.clock import format_time
from huilian_protocol.trust import TrustAnchors

from huilian_sdk import Keystore, new_id
from huilian_sdk.cli_connection import connect, needed, open_keystore, password


def new_keys(options: argparse.Namespace) -> None:
    """Make a keystore; an existing file is never overwritten."""
    path = Path(needed(options, "keystore"))
    if path.exists():
        raise FileExistsError(f"{path} exists")
    keystore = Keystore.generate(options.uscc, options.name)
    keystore.save(path, password(options))
    _print_keys(keystore)


def show_keys(options: argparse.Namespace) -> None:
    """Print what is public of a keystore."""
    _print_keys(open_keystore(options))


def certify_keys(options: argparse.Namespace) -> None:
    """Put the CA's certificate into the keystore."""
    secret = password(options)
    path = needed(options, "keystore")
    keystore = Keystore.load(path, secret).with_certificate(options.certificate.read_text("ascii"))
    keystore.save(path, secret)
    _print_keys(keystore)


async def list_receivables(options: argparse.Namespace) -> None:
    """Print the caller's receivables."""
    async with connect(options) as hub:
        await _print_all(hub.receivables.list())


async def sync(options: argparse.Namespace) -> None:
    """Pull documents from the caller's ERP and print the receivables that changed."""
    async with connect(options) as hub:
        _print_message(await hub.receivables.sync(from_start=options.from_start))


async def confirm(options: argparse.Namespace) -> int:
    """Show what is to be confirmed, ask, sign with the keystore and hand it in."""
    keystore = open_keystore(options)
    async with connect(options, keystore) as hub:
        _print_message(await hub.receivables.get(options.receivable_id))
        if not options.yes and not _agreed():
            return 1
        _print_message(await hub.receivables.confirm(options.receivable_id, keystore))
    return 0


async def list_certificates(options: argparse.Namespace) -> None:
    """Print the certificates that the caller issued or holds."""
    async with connect(options) as hub:
        await _print_all(hub.certificates.list())


async def issue_certificate(options: argparse.Namespace) -> None:
    """Issue a certificate."""
    async with connect(options) as hub:
        _print_message(await hub.certificates.issue(options.receivable_id, options.amount_fen))


async def accept_certificate(options: argparse.Namespace) -> None:
    """Accept a certificate."""
    async with connect(options) as hub:
        _print_message(await hub.certificates.accept(options.certificate_id))


async def split_certificate(options: argparse.Namespace) -> None:
    """Split a certificate into parts with fresh ids."""
    parts = {new_id(): amount for amount in options.amounts_fen}
    async with connect(options) as hub:
        for certificate in await hub.certificates.split(options.certificate_id, parts):
            _print_message(certificate)


async def transfer_certificate(options: argparse.Namespace) -> None:
    """Offer a certificate to another enterprise."""
    async with connect(options) as hub:
        _print_message(await hub.certificates.transfer(options.certificate_id, options.receiver_uscc))


async def fetch_receipt(options: argparse.Namespace) -> None:
    """Fetch a receipt into a file."""
    async with connect(options) as hub:
        options.out.write_bytes(await hub.ledger.receipt(options.record_id))


async def list_accesses(options: argparse.Namespace) -> None:
    """Print who read the caller's data."""
    async with connect(options) as hub:
        await _print_all(hub.exchange.access_records())


async def export_accesses(options: argparse.Namespace) -> None:
    """Fetch the proof of a period into a file."""
    async with connect(options) as hub:
        stated = await hub.exchange.access_statement(options.period_from, options.period_to)
        options.out.write_bytes(await hub.exchange.export_access_records(stated.statement_id))
        _print({"statement_id": stated.statement_id, "records": stated.record_count})


async def export_consent(options: argparse.Namespace) -> None:
    """Fetch the record of a consent into a file."""
    async with connect(options) as hub:
        options.out.write_bytes(await hub.consents.export(options.consent_id))


async def fetch_termination(options: argparse.Namespace) -> None:
    """Fetch a termination receipt into a file."""
    async with connect(options) as hub:
        receipt = await hub.consents.termination_receipt(options.consent_id, version=options.version)
        options.out.write_bytes(receipt)


def verify_receipt(options: argparse.Namespace) -> int:
    """Check a receipt offline with the verifier, which is a package of its own."""
    try:
        verifier = importlib.import_module("ledger.verify")
    except ModuleNotFoundError:
        print(
            "本机没有离线核验程序，请在惠链源码目录运行 make verify FILE=…\n"
            "The offline verifier is not installed here: run `make verify FILE=…` in Huilian's source tree.",
            file=sys.stderr,
        )
        return 2
    verdict = verifier.verify_file(options.file, TrustAnchors.load(options.trust))
    for check in verdict.checks:
        _print({"check": check.name, "ok": check.ok, "reason": check.reason})
    return 0 if verdict.ok else 1


def new_connector(options: argparse.Namespace) -> int:
    """Make a connector in the source tree by the connector kit, which is a package of its own."""
    try:
        kit = importlib.import_module("connectors.kit.scaffold")
    except ModuleNotFoundError:
        print(
            "本机没有连接器开发包，请在惠链源码目录运行 python -m connectors.kit.scaffold 名称\n"
            "There is no connector kit here: in Huilian's source tree run `python -m connectors.kit.scaffold NAME`.",
            file=sys.stderr,
        )
        return 2
    return int(kit.main([options.name]))


async def clock(options: argparse.Namespace) -> None:
    """Tell the sandbox's time or move it; moving needs an operator's credentials."""
    async with connect(options, anonymous=options.to is None) as hub:
        now = await (hub.sandbox.move_clock(options.to) if options.to else hub.sandbox.now())
        _print({"now": format_time(now)})


def _agreed() -> bool:
    return input("确认无误并签署？Confirm and sign? [y/N] ").strip().lower() in ("y", "yes", "是")


def _print_keys(keystore: Keystore) -> None:
    _print(
        {
            "uscc": keystore.uscc,
            "name": keystore.name,
            "token_public_jwk": keystore.token_public_jwk,
            "certified": bool(keystore.certificate_pem),
            "signing_request_pem": keystore.signing_request_pem(),
        }
    )


async def _print_all(messages: AsyncIterable[Message]) -> None:
    async for message in messages:
        _print_message(message)


def _print_message(message: Message) -> None:
    _print(MessageToDict(message, preserving_proto_field_name=True))


def _print(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
