"""The command line: keys offline, calls through the client, plain errors and exit statuses."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import common_pb2, sandbox_service_pb2
from huilian.consent.v1 import consent_service_pb2
from huilian.exchange.v1 import exchange_service_pb2
from huilian.identity.v1 import identity_service_pb2
from huilian.ledger.v1 import ledger_service_pb2
from huilian.receivables.v1 import certificate_service_pb2, receivable_service_pb2
from huilian_protocol.errors import HuilianError
from huilian_sdk import Huilian, Keystore, cli, cli_commands, cli_connection, keystore
from huilian_sdk.cli_loans import project_loan

from tests.unit.protocol.world import BUYER_USCC, SUPPLIER_USCC, certificate, confirmation, trust_dict
from tests.unit.sdk.fake_hub import FakeHub, failure
from tests.unit.sdk.test_facades import confirming_hub, receivable

RECEIVABLES = "huilian.receivables.v1.ReceivableService"
CERTIFICATES = "huilian.receivables.v1.CertificateService"
Run = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a password file; options come from the environment as an enterprise would set them."""
    monkeypatch.setattr(keystore, "SCRYPT_N", 2**8)
    (tmp_path / "password").write_text("secret\n")
    settings = {"KEYSTORE": tmp_path / "keys.json", "PASSWORD_FILE": tmp_path / "password", "TARGET": "hub:1"}
    for name in cli_connection._OPTIONS:
        monkeypatch.delenv(f"HUILIAN_{name.upper()}", raising=False)
    for name, value in (settings | {"ORIGIN": "hub.huilian.example"}).items():
        monkeypatch.setenv(f"HUILIAN_{name}", str(value))
    return tmp_path


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub in memory in place of the connection; a keystore exists."""
    fake = FakeHub()
    expires = Timestamp()
    expires.FromDatetime(datetime(2100, 1, 1, tzinfo=UTC))
    token = identity_service_pb2.IssueTokenResponse(access_token="token", expire_time=expires)
    fake.on("huilian.identity.v1.TokenService/IssueToken", token)

    def connect(target: str, *, signer: Any, clock: Any, **rest: Any) -> Huilian:
        assert target == "hub:1"
        return fake.client(signer=signer, clock=clock)

    monkeypatch.setattr(Huilian, "connect", connect)
    Keystore.generate(BUYER_USCC, "企业").save(folder / "keys.json", "secret")
    return fake


def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_keys_are_made_once_and_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "new", "--uscc", BUYER_USCC, "--name", "企业"]) == 0
    made = printed(capsys)[0]
    assert made["uscc"] == BUYER_USCC and not made["certified"]
    assert "BEGIN CERTIFICATE REQUEST" in made["signing_request_pem"]
    assert cli.main(["keys", "show"]) == 0
    assert printed(capsys)[0]["token_public_jwk"] == made["token_public_jwk"]
    before = (folder / "keys.json").read_bytes()
    assert cli.main(["keys", "new", "--uscc", BUYER_USCC, "--name", "企业"]) == 1
    assert (folder / "keys.json").read_bytes() == before


def test_a_certificate_is_put_into_the_keystore(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = Keystore.generate(BUYER_USCC, "企业")
    fresh.save(folder / "keys.json", "secret")
    (folder / "good.pem").write_text(certificate(public_key=fresh.confirmation_public_key))
    (folder / "other.pem").write_text(certificate())
    assert cli.main(["keys", "certify", str(folder / "good.pem")]) == 0
    assert printed(capsys)[0]["certified"]
    assert cli.main(["keys", "certify", str(folder / "other.pem")]) == 1
    assert Keystore.load(folder / "keys.json", "secret").certificate_pem == (folder / "good.pem").read_text()


def test_a_malformed_uscc_is_said_in_both_languages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "new", "--uscc", "123", "--name", "企业"]) == 1
    said = capsys.readouterr().err
    assert "USCC_MALFORMED" in said and "营业执照" in said and "business licence" in said
    assert not (folder / "keys.json").exists()


def test_a_missing_option_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HUILIAN_TARGET")
    assert cli.main(["sandbox", "clock"]) == 2
    assert "--target (HUILIAN_TARGET)" in capsys.readouterr().err


def test_a_wrong_password_fails(hub: FakeHub, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "password").write_text("wrong")
    assert cli.main(["keys", "show"]) == 1
    assert "password" in capsys.readouterr().err


def test_a_password_is_asked_for(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HUILIAN_PASSWORD_FILE")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "secret")
    assert cli.main(["keys", "show"]) == 0
    assert printed(capsys)[0]["uscc"] == BUYER_USCC


def test_receivables_are_listed_one_a_line(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    answer = receivable_service_pb2.ListReceivablesResponse(receivables=[receivable(), receivable()])
    hub.on(f"{RECEIVABLES}/ListReceivables", answer)
    assert cli.main(["receivables", "list"]) == 0
    lines = printed(capsys)
    assert len(lines) == 2 and lines[0]["receivable_id"] == confirmation().receivable_id
    assert hub.asked[-1].metadata["authorization"] == "Bearer token"
    assert hub.closed


@pytest.mark.parametrize(
    ("said", "status", "signed"), [("y", 0, True), ("是", 0, True), ("", 1, False), ("n", 1, False)]
)
def test_confirming_asks_before_it_signs(
    folder: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, said: str, status: int, signed: bool
) -> None:
    hub.answers |= confirming_hub(receivable()).answers
    monkeypatch.setattr("builtins.input", lambda prompt: said)
    assert cli.main(["confirm", "rcv-00000001"]) == status
    assert any(asked.path.endswith("ConfirmReceivable") for asked in hub.asked) is signed


def test_confirming_without_asking(hub: FakeHub) -> None:
    hub.answers |= confirming_hub(receivable()).answers
    assert cli.main(["confirm", "rcv-00000001", "--yes"]) == 0
    assert len(hub.asked[-1].request.signature) == 65


def test_sync_prints_what_changed(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.on(f"{RECEIVABLES}/SyncTradeDocuments", receivable_service_pb2.SyncTradeDocumentsResponse(imported_documents=3))
    assert cli.main(["receivables", "sync"]) == 0
    assert printed(capsys) == [{"imported_documents": 3}]


@pytest.mark.parametrize(
    ("words", "method", "sent"),
    [
        (["issue", "rcv-00000001", "500"], "IssueCertificate", {"receivable_id": "rcv-00000001", "amount_fen": 500}),
        (["accept", "cert-0000001"], "AcceptCertificate", {"certificate_id": "cert-0000001"}),
        (["transfer", "cert-0000001", SUPPLIER_USCC], "TransferCertificate", {"receiver_uscc": SUPPLIER_USCC}),
    ],
)
def test_certificate_commands_send_what_was_typed(
    hub: FakeHub, words: list[str], method: str, sent: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    made = certificate_service_pb2.ReceivableCertificate(
        certificate_id="cert-0000001", amount=common_pb2.Money(amount_fen=500, currency="CNY")
    )
    hub.on(f"{CERTIFICATES}/{method}", getattr(certificate_service_pb2, f"{method}Response")(certificate=made))
    assert cli.main(["certificates", *words]) == 0
    assert {name: getattr(hub.asked[-1].request, name) for name in sent} == sent
    assert printed(capsys)[0]["certificate_id"] == "cert-0000001"


def test_splitting_makes_one_part_an_amount(hub: FakeHub) -> None:
    hub.on(f"{CERTIFICATES}/SplitCertificate", certificate_service_pb2.SplitCertificateResponse())
    assert cli.main(["certificates", "split", "cert-0000001", "60", "40", "40"]) == 0
    parts = hub.asked[-1].request.parts
    assert [part.amount_fen for part in parts] == [60, 40, 40]
    assert len({part.certificate_id for part in parts}) == 3


def test_certificates_are_listed(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.on(f"{CERTIFICATES}/ListCertificates", certificate_service_pb2.ListCertificatesResponse())
    assert cli.main(["certificates", "list"]) == 0
    assert printed(capsys) == []


def test_a_receipt_is_fetched_into_a_file(hub: FakeHub, folder: Path) -> None:
    hub.on("huilian.ledger.v1.LedgerService/GetReceipt", ledger_service_pb2.GetReceiptResponse(receipt=b"{}"))
    assert cli.main(["ledger", "receipt", "confirmation:rcv-00000001", "--out", str(folder / "receipt.json")]) == 0
    assert (folder / "receipt.json").read_bytes() == b"{}"


def test_the_hubs_refusal_is_said_and_leaves_no_file(
    hub: FakeHub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.on("huilian.ledger.v1.LedgerService/GetReceipt", failure(HuilianError("NOT_FOUND", "no record", resource="x")))
    assert cli.main(["ledger", "receipt", "access:1", "--out", str(folder / "receipt.json")]) == 1
    said = capsys.readouterr().err
    assert "NOT_FOUND: 未找到 x" in said and "There is no x" in said and "no record" in said
    assert not (folder / "receipt.json").exists()


def test_a_broken_receipt_does_not_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "receipt.json").write_text("{}")
    (folder / "trust.json").write_text(json.dumps(trust_dict()))
    words = ["ledger", "verify", str(folder / "receipt.json"), "--trust", str(folder / "trust.json")]
    assert cli.main(words) == 1
    assert [check["ok"] for check in printed(capsys)] == [False]


def test_a_missing_verifier_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "ledger.verify", None)
    assert cli.main(["ledger", "verify", "x", "--trust", "y"]) == 2
    assert "make verify" in capsys.readouterr().err


def test_the_clock_is_told_without_credentials_and_moved_with(
    hub: FakeHub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = Timestamp()
    now.FromDatetime(datetime(2026, 9, 1, tzinfo=UTC))
    hub.on("huilian.common.v1.SandboxService/GetClock", sandbox_service_pb2.GetClockResponse(now_time=now))
    hub.on("huilian.common.v1.SandboxService/MoveClock", sandbox_service_pb2.MoveClockResponse(now_time=now))
    assert cli.main(["sandbox", "clock"]) == 0
    assert "authorization" not in hub.asked[-1].metadata
    assert cli.main(["sandbox", "clock", "--to", "2026-09-01T00:00:00Z"]) == 0
    assert hub.asked[-1].metadata["authorization"] == "Bearer token"
    assert printed(capsys) == [{"now": "2026-09-01T00:00:00Z"}] * 2


def test_a_malformed_time_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["sandbox", "clock", "--to", "tomorrow"])
    assert caught.value.code == 2


def test_a_service_signs_in_with_its_own_key(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization

    from tests.unit.protocol.world import HUB

    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(HUB.private_bytes(pem, kind, serialization.NoEncryption()))
    monkeypatch.setenv("HUILIAN_CLIENT_ID", "operator.sandbox")
    monkeypatch.setenv("HUILIAN_CLIENT_KEY", str(folder / "key.pem"))
    monkeypatch.delenv("HUILIAN_KEYSTORE")
    hub.on(f"{CERTIFICATES}/ListCertificates", certificate_service_pb2.ListCertificatesResponse())
    assert cli.main(["certificates", "list"]) == 0
    assert hub.asked[0].request.client_assertion


def test_every_command_is_run_by_a_function_of_its_own() -> None:
    """No command is left without an action, and no action without a command."""
    found = set(_actions(cli._parser()))
    offered = {
        name for name, item in vars(cli_commands).items() if callable(item) and item.__module__ == cli_commands.__name__
    }
    found -= {project_loan}  # the calculator, in a file of its own
    assert {run.__name__ for run in found} == {name for name in offered if not name.startswith("_")}


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not subparsers:
        return [parser.get_default("run")]
    return [run for action in subparsers for child in action.choices.values() for run in _actions(child)]


def test_a_person_exports_who_read_their_data(hub: FakeHub, folder: Path) -> None:
    exchange = "huilian.exchange.v1.ExchangeService"
    stated = exchange_service_pb2.IssueAccessStatementResponse(statement_id="access-statement:r", record_count=2)
    hub.on(f"{exchange}/IssueAccessStatement", stated)
    hub.on(f"{exchange}/ExportAccessRecords", exchange_service_pb2.ExportAccessRecordsResponse(export=b"{}"))
    options = ["--access-token", "mine", "access", "export"]
    assert cli.main([*options, "--from", "2026-01-01T00:00:00Z", "--out", str(folder / "accesses.json")]) == 0
    assert (folder / "accesses.json").read_bytes() == b"{}"
    assert hub.asked[-1].metadata["authorization"] == "Bearer mine"
    hub.on(f"{exchange}/ListAccessRecords", exchange_service_pb2.ListAccessRecordsResponse())
    assert cli.main(["--access-token", "mine", "access", "list"]) == 0


def test_the_papers_of_a_consent_are_fetched_into_files(hub: FakeHub, folder: Path) -> None:
    service = "huilian.consent.v1.ConsentService"
    hub.on(f"{service}/ExportConsentRecord", consent_service_pb2.ExportConsentRecordResponse(record=b"{}"))
    hub.on(f"{service}/GetTerminationReceipt", consent_service_pb2.GetTerminationReceiptResponse(receipt=b"[]"))
    words, out = ["--access-token", "mine", "consent"], folder / "paper.json"
    assert cli.main([*words, "export", "consent-00000001", "--out", str(out)]) == 0
    assert (out.read_bytes(), hub.asked[-1].request.consent_id) == (b"{}", "consent-00000001")
    assert cli.main([*words, "termination", "consent-00000001", "--version", "2", "--out", str(out)]) == 0
    assert (out.read_bytes(), hub.asked[-1].request.version) == (b"[]", 2)
