"""``huilian``: the command line of an enterprise or an operator.

Answers are JSON, one object a line; messages to people are Chinese and English, on standard error. Exit status: 0
done, 1 refused or failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from huilian_protocol.clock import parse_time
from huilian_protocol.errors import HuilianError

from huilian_sdk import cli_commands as commands
from huilian_sdk.cli_connection import UsageError, add_connection_options
from huilian_sdk.cli_loans import add_loan_commands

__all__ = ["main"]

Topics: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        outcome = options.run(options)
        return int((asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome) or 0)
    except HuilianError as error:
        print(f"{error.code}: {error.text_zh}\n{error.text_en}", file=sys.stderr)
        if error.detail:
            print(error.detail, file=sys.stderr)
        return 1
    except UsageError as error:
        print(f"用法错误 usage: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"操作失败 failed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="huilian", description=__doc__)
    add_connection_options(parser)
    topics = parser.add_subparsers(required=True, metavar="TOPIC")
    _add_keys(topics)
    _add_receivables(topics)
    _add_certificates(topics)
    add_loan_commands(_topic(topics, "loan", "loans; the calculator needs no hub"))
    _add_ledger(topics)
    _add_access(topics)
    _add_consent(topics)
    _add_sandbox(topics)
    _add_connectors(topics)
    return parser


def _topic(topics: Topics, name: str, text: str) -> Topics:
    return topics.add_parser(name, help=text).add_subparsers(required=True, metavar="COMMAND")


def _add_keys(topics: Topics) -> None:
    keys = _topic(topics, "keys", "the enterprise's own keys")
    new = keys.add_parser("new", help="make a keystore (--keystore) and print its certificate signing request")
    new.add_argument("--uscc", required=True, help="unified social credit code, 18 characters")
    new.add_argument("--name", required=True, help="registered name")
    new.set_defaults(run=commands.new_keys)
    show = keys.add_parser("show", help="print the public keys and the certificate signing request")
    show.set_defaults(run=commands.show_keys)
    certify = keys.add_parser("certify", help="put the CA's certificate into the keystore")
    certify.add_argument("certificate", type=Path, help="PEM file from the certificate authority")
    certify.set_defaults(run=commands.certify_keys)


def _add_receivables(topics: Topics) -> None:
    receivables = _topic(topics, "receivables", "receivables of the caller")
    receivables.add_parser("list", help="all of them").set_defaults(run=commands.list_receivables)
    sync = receivables.add_parser("sync", help="pull documents from the ERP and match")
    sync.add_argument("--from-start", action="store_true", help="pull all documents again, not only new ones")
    sync.set_defaults(run=commands.sync)
    confirm = topics.add_parser("confirm", help="confirm a receivable with the enterprise's own key")
    confirm.add_argument("receivable_id")
    confirm.add_argument("--yes", action="store_true", help="do not ask before signing")
    confirm.set_defaults(run=commands.confirm)


def _add_certificates(topics: Topics) -> None:
    certificates = _topic(topics, "certificates", "electronic receivable certificates")
    certificates.add_parser("list", help="all of the caller").set_defaults(run=commands.list_certificates)
    issue = certificates.add_parser("issue", help="issue on a confirmed receivable")
    issue.add_argument("receivable_id")
    issue.add_argument("amount_fen", type=int)
    issue.set_defaults(run=commands.issue_certificate)
    accept = certificates.add_parser("accept", help="accept one that was issued or transferred to the caller")
    accept.add_argument("certificate_id")
    accept.set_defaults(run=commands.accept_certificate)
    split = certificates.add_parser("split", help="split into parts whose amounts add up")
    split.add_argument("certificate_id")
    split.add_argument("amounts_fen", type=int, nargs="+")
    split.set_defaults(run=commands.split_certificate)
    transfer = certificates.add_parser("transfer", help="offer to another enterprise")
    transfer.add_argument("certificate_id")
    transfer.add_argument("receiver_uscc")
    transfer.set_defaults(run=commands.transfer_certificate)


def _add_ledger(topics: Topics) -> None:
    ledger = _topic(topics, "ledger", "receipts")
    receipt = ledger.add_parser("receipt", help="fetch a record's receipt into a file")
    receipt.add_argument("record_id", help="for example confirmation:<receivable id>")
    receipt.add_argument("--out", type=Path, required=True)
    receipt.set_defaults(run=commands.fetch_receipt)
    verify = ledger.add_parser("verify", help="check a receipt offline")
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, required=True, help="pinned keys: a trust-anchors.json")
    verify.set_defaults(run=commands.verify_receipt)


def _add_access(topics: Topics) -> None:
    access = _topic(topics, "access", "who read a person's data; with the person's --access-token")
    access.add_parser("list", help="every read and refusal").set_defaults(run=commands.list_accesses)
    export = access.add_parser("export", help="a period in one file that proves its own completeness")
    export.add_argument("--from", dest="period_from", type=_time, required=True, help="2026-01-01T00:00:00Z")
    export.add_argument("--to", dest="period_to", type=_time, help="end, not included (default: now)")
    export.add_argument("--out", type=Path, required=True)
    export.set_defaults(run=commands.export_accesses)


def _add_consent(topics: Topics) -> None:
    consent = _topic(topics, "consent", "papers of a person's consents; with the person's --access-token")
    export = consent.add_parser("export", help="the record of a consent, in the manner of ISO/IEC TS 27560")
    export.set_defaults(run=commands.export_consent)
    termination = consent.add_parser("termination", help="how a consent ended, signed; `verify` checks it offline")
    termination.add_argument("--version", type=int, default=0, help="a version that was replaced (default: the newest)")
    termination.set_defaults(run=commands.fetch_termination)
    for command in (export, termination):
        command.add_argument("consent_id")
        command.add_argument("--out", type=Path, required=True)


def _add_sandbox(topics: Topics) -> None:
    sandbox = _topic(topics, "sandbox", "what only a sandbox may do")
    clock = sandbox.add_parser("clock", help="tell the sandbox's time, or move it forward")
    clock.add_argument("--to", type=_time, help="2026-09-01T00:00:00Z")
    clock.set_defaults(run=commands.clock)


def _add_connectors(topics: Topics) -> None:
    connector = _topic(topics, "connector", "connectors of data owners, in Huilian's source tree")
    new = connector.add_parser("new", help="make a connector that works, to be changed into the agency's")
    new.add_argument("name", help="the agency's id, such as traffic_police")
    new.set_defaults(run=commands.new_connector)


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
