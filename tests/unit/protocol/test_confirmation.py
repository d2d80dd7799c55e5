"""Confirmations: EIP-712 as others compute it, signed by the buyer's certified key and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.messages import encode_typed_data
from huilian_protocol.confirmation import ReceivableConfirmation, confirmation_digest, verify_confirmation
from huilian_protocol.errors import HuilianError
from huilian_protocol.recovery import ORDER
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.protocol import world
from tests.unit.protocol.world import CA_PEM, SUPPLIER_USCC, certificate, confirmation

SECRET = (106).to_bytes(32, "big")
CERTIFICATE = certificate()

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
confirmations = st.builds(
    ReceivableConfirmation,
    receivable_id=texts,
    invoice_id=texts,
    buyer_uscc=texts,
    supplier_uscc=texts,
    amount_fen=st.integers(1, 2**53 - 1),
    currency=st.just("CNY"),
    due_date=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    evidence_hash=st.binary(min_size=32, max_size=32),
    confirmed_at=st.integers(0, 2**40),
    chain_id=st.integers(1, 2**53 - 1),
    verifying_contract=st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
)


def signed(message: ReceivableConfirmation, secret: bytes = SECRET) -> bytes:
    raw = PrivateKey(secret).sign_recoverable(confirmation_digest(message), hasher=None)
    return raw[:64] + bytes([27 + raw[64]])


SIGNATURE = signed(confirmation())


def code_of(message: ReceivableConfirmation, signature: bytes, pem: str = CERTIFICATE) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_confirmation(message, signature, pem, CA_PEM)
    return caught.value.code


@given(confirmations)
@settings(max_examples=60, deadline=None)
def test_the_digest_is_what_eth_account_computes(message: ReceivableConfirmation) -> None:
    theirs = Account.sign_message(encode_typed_data(full_message=message.to_typed_data()), SECRET)
    assert theirs.message_hash == confirmation_digest(message)
    assert ReceivableConfirmation.from_dict(message.to_dict()) == message


@given(confirmations, st.integers(1, 2**64))
@settings(max_examples=60, deadline=None)
def test_signatures_of_any_certified_key_verify(message: ReceivableConfirmation, number: int) -> None:
    message = replace(message, buyer_uscc=world.BUYER_USCC, confirmed_at=confirmation().confirmed_at)
    pem = certificate(public_key=world.key(number, ec.SECP256K1()).public_key())
    signature = signed(message, number.to_bytes(32, "big"))
    assert verify_confirmation(message, signature, pem, CA_PEM).uscc == world.BUYER_USCC
    flipped = signature[:64] + bytes([55 - signature[64]])
    assert code_of(message, flipped, pem) == "CONFIRMATION_MISMATCH"


@pytest.mark.parametrize(
    "change",
    [
        {"receivable_id": "rcv-00000002"},
        {"invoice_id": "25112000000012345679"},
        {"supplier_uscc": "9111000060000715XH"},
        {"amount_fen": 12_345_679},
        {"currency": "USD"},
        {"due_date": date(2026, 8, 30)},
        {"evidence_hash": bytes(32)},
        {"confirmed_at": confirmation().confirmed_at + 1},
        {"chain_id": 1},
        {"verifying_contract": "0x" + "ac" * 20},
    ],
)
def test_every_field_is_signed(change: dict[str, Any]) -> None:
    assert code_of(confirmation(**change), SIGNATURE) == "CONFIRMATION_MISMATCH"


def test_another_key_is_refused() -> None:
    assert code_of(confirmation(), signed(confirmation(), bytes(31) + b"\x07")) == "CONFIRMATION_MISMATCH"


def test_the_supplier_cannot_confirm_for_the_buyer() -> None:
    pem = certificate(uscc=SUPPLIER_USCC)
    assert code_of(confirmation(), SIGNATURE, pem) == "CONFIRMATION_MISMATCH"


def test_a_certificate_of_another_time_or_ca_is_refused() -> None:
    late = confirmation(confirmed_at=int(world.UNTIL.timestamp()) + 1)
    assert code_of(late, signed(late)) == "ENTERPRISE_CERTIFICATE_INVALID"
    assert code_of(confirmation(), SIGNATURE, certificate(ca_key=world.STRANGER)) == "ENTERPRISE_CERTIFICATE_INVALID"


def test_a_signature_has_one_spelling() -> None:
    r, s, v = SIGNATURE[:32], int.from_bytes(SIGNATURE[32:64], "big"), SIGNATURE[64]
    high = r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    compact = SIGNATURE[:64] + bytes([v - 27])
    for other in (high, compact, SIGNATURE[:64], SIGNATURE + b"\x00", bytes(65), b"\xff" * 64 + b"\x1b", b""):
        assert code_of(confirmation(), other) == "CONFIRMATION_MISMATCH"


@given(st.integers(0, 64), st.integers(1, 255))
def test_no_byte_of_a_signature_can_be_changed(index: int, mask: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[index] ^= mask
    assert code_of(confirmation(), bytes(changed)) == "CONFIRMATION_MISMATCH"


@pytest.mark.parametrize(
    "change",
    [
        {"amountFen": 0},
        {"amountFen": 1.5},
        {"amountFen": True},
        {"currency": "cny"},
        {"dueDate": "2026-8-29"},
        {"dueDate": "2026-02-30"},
        {"evidenceHash": "AA"},
        {"verifyingContract": "0x12"},
        {"extra": 1},
    ],
)
def test_odd_confirmations_do_not_read(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ReceivableConfirmation.from_dict(confirmation().to_dict() | change)
