"""The offline verifier: good files pass, every flipped byte fails, and every single check fails on its own."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import coincurve
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.trust import TrustAnchors
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.merkle.checkpoint import LogSigner
from ledger.verify import Verdict, verify_bytes
from ledger.verify.transaction import read_anchor_transaction
from ledger.verify.verdict import CheckFailed
from tests.unit.ledger import receipt_world
from tests.unit.ledger.receipt_world import (
    Parts,
    accessed,
    acted,
    anchor,
    confirmed,
    consented,
    lent,
    plain,
    record,
    transaction,
    trust,
)
from tests.unit.protocol import world

NOW = world.NOW
TRUST = trust()
RECEIPT = plain().receipt()
ROOT = Path(__file__).resolve().parents[3]


def _verify(data: bytes, pinned: TrustAnchors = TRUST) -> Verdict:
    return verify_bytes(data, pinned, NOW)


def _failed(verdict: Verdict) -> dict[str, str]:
    assert not verdict.ok
    assert all(check.reason for check in verdict.checks)
    return {check.name: check.reason for check in verdict.checks if not check.ok}


@pytest.mark.parametrize(
    "parts", [plain(), confirmed(), consented(), lent(), accessed(), acted()], ids=lambda parts: parts.record["type"]
)
def test_good_receipts_pass_every_check(parts: Parts) -> None:
    verdict = _verify(parts.receipt())
    assert [check.name for check in verdict.checks if not check.ok] == []
    assert len(verdict.checks) == 8
    assert verdict.ok
    assert verdict.kind == "receipt"


TAX = {"sealing_keys": [], "signing_keys": keys_to_jwks([world.STRANGER.public_key()])}


def test_a_pinned_edges_signature_is_checked() -> None:
    pinned = _verify(accessed().receipt(), trust(agencies={"tax": TAX}))
    assert pinned.ok and "pinned key of tax" in pinned.checks[-1].reason
    elsewhere = _verify(accessed().receipt(), trust(agencies={"housing_fund": TAX}))
    assert elsewhere.ok and "no key of tax is pinned" in elsewhere.checks[-1].reason


def test_an_answer_that_a_pinned_edge_never_signed_is_refused() -> None:
    pinned = trust(agencies={"tax": TAX})
    assert "unknown key" in _failed(_verify(accessed(world.HUB).receipt(), pinned))["evidence"]
    honest = accessed()
    header, payload, _ = honest.evidence["edge_signature"].split(".")
    forged = header + "." + payload + "." + b64u_encode(bytes(63) + b"\x01")
    evidence = {"edge_signature": forged}
    parts = Parts(record("access", honest.record["content"], evidence), evidence)
    assert set(_failed(_verify(parts.receipt(), pinned))) == {"evidence"}
    assert _verify(parts.receipt()).ok


def test_a_pinned_edges_signature_on_a_deed_is_checked() -> None:
    pinned = trust(agencies={"tax": TAX})
    done = _verify(acted().receipt(), pinned)
    assert done.ok and "signed the result of this order" in done.checks[-1].reason
    assert "unknown key" in _failed(_verify(acted(world.HUB).receipt(), pinned))["evidence"]
    assert "no key of tax is pinned" in _verify(acted().receipt()).checks[-1].reason
    other = {**acted().record["content"], "action": "tax.pay_more/v1"}
    parts = Parts(record("action", other, acted().evidence), acted().evidence)
    assert set(_failed(_verify(parts.receipt(), pinned))) == {"evidence"}
    read = {"edge_signature": acted().evidence["action_signature"]}
    parts = Parts(record("action", acted().record["content"], read), read)
    assert set(_failed(_verify(parts.receipt(), pinned))) == {"evidence"}


def test_no_single_byte_of_a_receipt_can_change() -> None:
    assert _verify(RECEIPT).ok
    for position in range(len(RECEIPT)):
        changed = bytearray(RECEIPT)
        changed[position] ^= 1 << position % 8
        _failed(_verify(bytes(changed)))


CONFIRMED, CONSENT = confirmed().receipt(), world.consent().to_bytes()


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_no_other_byte_fits_anywhere(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([RECEIPT, CONFIRMED, CONSENT]))
    position = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != good[position]))
    _failed(_verify(good[:position] + bytes([value]) + good[position + 1 :]))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_nothing_can_be_added_or_left_out(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(RECEIPT) - 1))
    if data.draw(st.booleans()):
        _failed(_verify(RECEIPT[:position] + RECEIPT[position + 1 :]))
    else:
        _failed(_verify(RECEIPT[:position] + data.draw(st.binary(min_size=1, max_size=1)) + RECEIPT[position:]))


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_an_exception(garbage: bytes) -> None:
    assert _failed(_verify(garbage))


def _override(**changes: Any) -> bytes:
    """A receipt with one part exchanged, which the hub then signs: a hub that lies."""
    parts = plain()
    parts.overrides = changes
    return parts.receipt()


OTHER_ROOT = b"\x03" * 32
OTHER_ACCOUNT = coincurve.PrivateKey(b"\x09" * 32)
FORGED_LOG = LogSigner("hub.huilian.example/log", Ed25519PrivateKey.from_private_bytes(b"\x0a" * 32))


def _true_root() -> bytes:
    return read_anchor_transaction(bytes.fromhex(json.loads(RECEIPT)["anchor"]["raw_transaction"][2:])).root


def _anchored(raw: bytes, **changes: Any) -> bytes:
    return _override(anchor=anchor(raw, _true_root(), **changes))


LIES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "another record": (
        lambda: _override(record=receipt_world.record("certificate.issued", {"amount_fen": 6}, {})),
        "inclusion in the log",
        "another root",
    ),
    "another salt": (lambda: _override(salt=bytes(32)), "inclusion in the log", "another root"),
    "another place": (lambda: _override(leaf_index=0), "inclusion in the log", "another root"),
    "a shorter proof": (lambda: _override(inclusion_proof=[]), "inclusion in the log", "shorter"),
    "a checkpoint by another key": (
        lambda: _override(checkpoint=FORGED_LOG.sign(3, _true_root())),
        "checkpoint",
        "signature by each of the log's keys",
    ),
    "a checkpoint of another size": (
        lambda: _override(checkpoint=receipt_world.SIGNER.sign(4, _true_root())),
        "checkpoint",
        "another size",
    ),
    "a checkpoint of another root": (
        lambda: _override(checkpoint=receipt_world.SIGNER.sign(3, OTHER_ROOT)),
        "checkpoint",
        "another root",
    ),
    "another transaction hash": (
        lambda: _anchored(transaction(_true_root(), 3), tx_hash="0x" + "11" * 32),
        "anchor on the chain",
        "another hash",
    ),
    "another chain": (
        lambda: _anchored(transaction(_true_root(), 3, chain_id=1)),
        "anchor on the chain",
        "another chain",
    ),
    "another chain, consistently": (
        lambda: _anchored(transaction(_true_root(), 3, chain_id=1), chain_id=1),
        "anchor on the chain",
        "another chain",
    ),
    "another contract": (
        lambda: _anchored(transaction(_true_root(), 3, to=bytes(20))),
        "anchor on the chain",
        "another contract",
    ),
    "another contract, consistently": (
        lambda: _anchored(transaction(_true_root(), 3, to=bytes(20)), contract="0x" + "00" * 20),
        "anchor on the chain",
        "another contract",
    ),
    "another account": (
        lambda: _anchored(transaction(_true_root(), 3, OTHER_ACCOUNT)),
        "anchor on the chain",
        "another account",
    ),
    "another root in the call": (
        lambda: _anchored(transaction(OTHER_ROOT, 3)),
        "anchor on the chain",
        "another root",
    ),
    "another size in the call": (
        lambda: _anchored(transaction(_true_root(), 2)),
        "anchor on the chain",
        "another size",
    ),
    "another call": (
        lambda: _anchored(transaction(_true_root(), 3, data=b"\0" * 68)),
        "anchor on the chain",
        "not a call of anchor",
    ),
    "other evidence": (lambda: _override(evidence={"edge_signature": "a.b.c"}), "evidence", "not the one"),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_of_a_hub_fails_at_its_own_check(lie: str) -> None:
    make, check, reason = LIES[lie]
    failed = _failed(_verify(make()))
    assert reason in failed[check]
    assert len(failed) == 1


def test_a_hub_that_is_not_pinned_proves_nothing() -> None:
    parts = plain()
    parts.hub_key = world.STRANGER
    assert {"issuing hub", "checkpoint", "witnesses", "anchor on the chain"} == set(_failed(_verify(parts.receipt())))


def _confirmed_but(change: Callable[[dict[str, Any]], None]) -> bytes:
    parts = confirmed()
    change(parts.evidence)
    parts.record = receipt_world.record("receivable.confirmed", parts.record["content"], parts.evidence)
    return parts.receipt()


def test_a_confirmation_must_be_the_buyers_own() -> None:
    def other_amount(evidence: dict[str, Any]) -> None:
        evidence["confirmation"] = {**evidence["confirmation"], "amountFen": 1}

    def other_certificate(evidence: dict[str, Any]) -> None:
        evidence["certificate"] = world.certificate(uscc=world.SUPPLIER_USCC)

    def own_certificate(evidence: dict[str, Any]) -> None:
        ca = world.create_enterprise_ca(world.STRANGER, "x", world.FROM, world.UNTIL, 1)
        evidence["certificate"] = world.certificate(ca_key=world.STRANGER, ca_pem=ca)

    def no_signature(evidence: dict[str, Any]) -> None:
        evidence["signature"] = b64u_encode(bytes(65))

    for change, code in (
        (other_amount, "CONFIRMATION_MISMATCH"),
        (other_certificate, "CONFIRMATION_MISMATCH"),
        (own_certificate, "ENTERPRISE_CERTIFICATE_INVALID"),
        (no_signature, "CONFIRMATION_MISMATCH"),
        (lambda evidence: evidence.clear(), "without the buyer's signature"),
    ):
        failed = _failed(_verify(_confirmed_but(change)))
        assert set(failed) == {"evidence"}
        assert code in failed["evidence"]


def test_the_record_cannot_state_more_than_the_buyer_confirmed() -> None:
    parts = confirmed()
    parts.record["content"]["amountFen"] += 1
    assert "another amountFen" in _failed(_verify(parts.receipt()))["evidence"]


@pytest.mark.parametrize("changes", [{"chain_id": 1}, {"verifying_contract": "0x" + "00" * 20}])
def test_a_confirmation_for_another_chain_or_contract_does_not_count(changes: dict[str, Any]) -> None:
    assert "for another" in _failed(_verify(confirmed(**changes).receipt()))["evidence"]


@pytest.mark.parametrize("key", ["borrower", "principal_fen", "terms", "loan_id"])
def test_a_loan_record_states_what_the_borrower_signed(key: str) -> None:
    parts = lent()
    parts.record["content"][key] = "other"
    assert f"another {key}" in _failed(_verify(parts.receipt()))["evidence"]


def test_a_contract_needs_the_borrowers_own_device() -> None:
    parts = lent()
    parts.evidence["binding"] = world.binding(subject="wh-0000000000000002")
    parts.record = receipt_world.record("loan.disbursed", parts.record["content"], parts.evidence)
    assert "somebody else's device" in _failed(_verify(parts.receipt()))["evidence"]
    parts = lent()
    parts.evidence["contract"] = b64u_encode(canonicalise({"borrower": world.SUBJECT}))
    parts.record = receipt_world.record("loan.disbursed", parts.record["content"], parts.evidence)
    assert "ASSERTION_INVALID" in _failed(_verify(parts.receipt()))["evidence"]


def test_consent_files_are_verified_too() -> None:
    verdict = _verify(CONSENT)
    assert (verdict.kind, verdict.ok) == ("consent", True)
    assert "today it is valid" in verdict.checks[0].reason
    later = verify_bytes(CONSENT, TRUST, datetime(2028, 1, 1, tzinfo=UTC))
    assert later.ok
    assert "expired" in later.checks[0].reason
    stranger = trust(identity_authority_keys={"keys": []})
    assert "BINDING_INVALID" in _failed(_verify(CONSENT, stranger))["consent"]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_transaction_is_never_the_hubs(data: st.DataObject) -> None:
    raw = bytearray(transaction(OTHER_ROOT, 3))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        sender = read_anchor_transaction(bytes(raw)).sender()
    except CheckFailed:
        return
    assert sender != receipt_world.address_of(receipt_world.CHAIN_KEY)


@given(st.binary(max_size=120))
def test_garbage_is_no_transaction(garbage: bytes) -> None:
    with pytest.raises(CheckFailed):
        read_anchor_transaction(garbage)
    with pytest.raises(CheckFailed):
        read_anchor_transaction(b"\xf8" + garbage)


def test_the_verifier_imports_nothing_of_hub_or_chain_client() -> None:
    # pypdf takes the receipt out of a PDF that people were handed; it judges nothing.
    allowed = ("ledger.merkle", "ledger.verify", "huilian_protocol", "cryptography", "pypdf")
    for path in (ROOT / "ledger" / "verify").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.startswith(allowed) or name.split(".")[0] in sys.stdlib_module_names, (path.name, name)


def _command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    command = [sys.executable, "-m", "ledger.verify", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_command_prints_each_check_and_exits_by_the_verdict(tmp_path: Path) -> None:
    value = world.trust_dict()
    value["hubs"][0] |= {
        "log_vkey": receipt_world.SIGNER.verifier.vkey(),
        "chain_address": receipt_world.address_of(receipt_world.CHAIN_KEY),
    }
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    (receipts / "good.json").write_bytes(CONFIRMED)
    (receipts / "bad.json").write_bytes(CONFIRMED.replace(b"2026", b"2027", 1))
    assert _command(tmp_path, "receipts/good.json").returncode == 2
    (tmp_path / "trust-anchors.json").write_bytes(canonicalise(value))
    good = _command(tmp_path, "receipts/good.json")
    assert good.returncode == 0
    assert good.stdout.count("✓") == 8
    assert "核验通过" in good.stdout
    bad = _command(tmp_path, "receipts/bad.json", "--trust", "trust-anchors.json")
    assert bad.returncode == 1
    assert "✗ form and signature" in bad.stdout
    assert _command(tmp_path, "receipts/good.json", "receipts/bad.json").returncode == 1
    assert _command(tmp_path, "receipts/missing.json").returncode == 2
