"""Cases that two readers of one format easily judge differently; the campaign in tests/soak looks for more."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.certificate import create_enterprise_ca
from huilian_protocol.jose import keys_to_jwks, sign_jws, thumbprint
from huilian_protocol.sealing import Suite, public_key_of
from huilian_protocol.trust import TrustAnchors

from tests.soak.lying_hub import NOW, RECEIPTS, TRUST, signed
from tests.soak.verifier_agreement import Disagreement, compare
from tests.support.second_verifier import SecondVerifier, second_verifier
from tests.unit.ledger import receipt_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.protocol import world


def _failed(data: bytes, trust: bytes = TRUST) -> list[str]:
    kind, checks = compare(data, trust)
    assert kind == "receipt"
    return [name for name, ok in checks if not ok]


def _recorded(parts: Parts, evidence: dict[str, Any], **content: Any) -> bytes:
    """The receipt with other evidence and content, recorded as if they had always been so."""
    record = {**parts.record, "content": {**parts.record["content"], **content}}
    return Parts({**record, "evidence_sha256": b64u_encode(sha256_canonical(evidence))}, evidence).receipt()


@pytest.mark.parametrize("receipt", RECEIPTS, ids=range(len(RECEIPTS)))
def test_both_accept_every_kind_of_good_receipt(receipt: bytes) -> None:
    assert _failed(receipt) == []


def test_keys_are_ordered_by_utf16_units() -> None:
    # By code points U+FFEE comes first, by UTF-16 units the surrogates of U+1F600 do.
    assert _failed(_recorded(receipt_world.plain(), {}, **{"\U0001f600": 1, "\uffee": 2, "__proto__": 3})) == []


def test_true_is_not_one() -> None:
    claims = {"request_id": "r", "consent_sha256": "x", "dataset": "tax", "fields": ["a"], "n": 1}
    token = sign_jws(world.STRANGER, {**claims, "request_id": True}, "huilian-answer+jwt", "edge")
    parts = receipt_world.accessed()
    assert _failed(_recorded(parts, {"edge_signature": token}, **{**claims, "request_id": 1})) == ["evidence"]
    assert _failed(_recorded(parts, {"edge_signature": token}, **{**claims, "request_id": True})) == []


@pytest.mark.parametrize("fields", ["ab", {"a": 1, "b": 2}, ["a", 1]])
def test_fields_are_a_list_of_texts(fields: Any) -> None:
    claims = {"request_id": "r", "consent_sha256": "x", "dataset": "tax", "fields": ["a", "b"]}
    token = sign_jws(world.STRANGER, claims, "huilian-answer+jwt", thumbprint(world.STRANGER.public_key()))
    parts = receipt_world.accessed()
    assert _failed(_recorded(parts, {"edge_signature": token}, **{**claims, "fields": fields})) == ["evidence"]


def test_a_date_has_one_spelling() -> None:
    parts = receipt_world.confirmed()
    evidence = {**parts.evidence, "confirmation": {**parts.evidence["confirmation"], "dueDate": "2026-W35-6"}}
    assert world.confirmation().due_date.isocalendar()[:] == (2026, 35, 6)
    assert _failed(_recorded(parts, evidence)) == ["evidence"]


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("-----BEGIN", "x\n-----BEGIN"), ("-----\n", "-----")])
def test_a_certificate_has_one_spelling(change: tuple[str, str]) -> None:
    parts = receipt_world.confirmed()
    pem = parts.evidence["certificate"].replace(*change)
    assert _failed(_recorded(parts, {**parts.evidence, "certificate": pem})) == ["evidence"]


def test_ed25519_is_verified_without_the_cofactor() -> None:
    # Made with the log's own key and a nonce point of mixed order: libraries that multiply by 8 take it for good.
    mixed = bytes.fromhex(
        "cdbc161be64c4302f56443ff29ccf36a2075be1a1fa67ff126b56315f5681c38"
        "e2a72c459d3cd53da3ca22019986df66e385d05c35b191df81d9b009e8afd306"
    )
    value = parse_canonical(receipt_world.plain().receipt())
    body, line = value["checkpoint"].split("\n\n")
    key_id = receipt_world.SIGNER.verifier.key_id
    encoded = b64u_encode(key_id + mixed).translate(str.maketrans("-_", "+/")) + "=" * (-len(key_id + mixed) % 3)
    name = line.split()[1]
    assert _failed(signed({**value, "checkpoint": f"{body}\n\n— {name} {encoded}\n"})) == ["checkpoint"]


def test_a_pinned_edge_key_is_asked() -> None:
    agency = {"sealing_keys": [], "signing_keys": {"keys": []}}
    trust = {**parse_canonical(TRUST), "agencies": {"tax": agency}}
    assert _failed(receipt_world.accessed().receipt(), canonicalise(trust)) == ["evidence"]


def test_a_disagreement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecondVerifier, "answer", _wrong(SecondVerifier.answer))
    with pytest.raises(Disagreement):
        compare(RECEIPTS[0])


def _wrong(answer: Any) -> Any:
    def lying(self: SecondVerifier) -> Any:
        kind, checks = answer(self)
        return kind, tuple((name, not ok) for name, ok in checks)

    return lying


def test_salt_and_record_make_the_leaf() -> None:
    parts = receipt_world.plain()
    value = parse_canonical(parts.receipt())
    salt = bytearray(b64u_decode(value["salt"]))
    salt[0] ^= 1
    assert _failed(signed({**value, "salt": b64u_encode(bytes(salt))})) == ["inclusion in the log"]
    assert _failed(dataclasses.replace(parts, overrides={"leaf_index": 2}).receipt()) == ["inclusion in the log"]


@pytest.mark.parametrize("at", [0, 1, 64])
def test_a_pinned_sm2_key_is_a_point_of_the_curve(at: int) -> None:
    point, receipt = bytearray(public_key_of(Suite.SM, b"\1" * 32)), receipt_world.accessed().receipt()
    assert _failed(receipt, _pinning(bytes(point))) == []
    point[at] ^= 1
    with pytest.raises(ValueError):
        TrustAnchors.from_dict(parse_canonical(_pinning(bytes(point))))
    second_verifier().ask(receipt, _pinning(bytes(point)), int(NOW.timestamp()))
    assert second_verifier().answer()[0] == "trust"


def _pinning(sealing_key: bytes) -> bytes:
    signing = keys_to_jwks([world.STRANGER.public_key()])
    agency = {"sealing_keys": [{"suite": "sm", "public_key": b64u_encode(sealing_key)}], "signing_keys": signing}
    return canonicalise({**parse_canonical(TRUST), "agencies": {"tax": agency}})


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1,), (1, 2), (0, 2), (2, 0)])
def test_both_take_a_ca_among_several(order: tuple[int, ...]) -> None:
    other = create_enterprise_ca(world.STRANGER, "another CA", world.FROM, world.UNTIL, 2)
    blocks = [world.CA_PEM, other, "no certificate"]
    trust = canonicalise({**parse_canonical(TRUST), "enterprise_ca": "".join(blocks[number] for number in order)})
    assert _failed(receipt_world.confirmed().receipt(), trust) == ([] if 0 in order else ["evidence"])
