"""Fingerprints: equal for one invoice however it is typed, different for another, nothing without the key."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from ledger.registry.fingerprints import InvoiceIdentity, fingerprints

KEY = bytes(range(32))
INVOICE = InvoiceIdentity(
    "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", "26312000000012345678", 1_130_000, date(2026, 3, 2)
)


def _with(**changes: object) -> InvoiceIdentity:
    return dataclasses.replace(INVOICE, **changes)  # type: ignore[arg-type]


def test_known_answer() -> None:
    """Frozen: every bank on the chain computes the same bytes."""
    assert [value.hex() for value in fingerprints(INVOICE, KEY)] == [
        "d3ef1b59ae327bf967471a0421be721999fddb7b79b0833cec955ad12988e84d",
        "1988f9aea9bf8d33886a046011d9846ec964c6c01a9f6a19cc00816e58a13c52",
    ]


@pytest.mark.parametrize(
    "same",
    [
        _with(invoice_number=" 2631 2000 0000 1234 5678"),
        _with(invoice_number="２６３１２００００００012345678"),
        _with(seller_uscc="91310000ma1fl2le0x"),
    ],
)
def test_typing_does_not_matter(same: InvoiceIdentity) -> None:
    assert fingerprints(same, KEY) == fingerprints(INVOICE, KEY)


def test_a_copy_with_the_short_number_shares_a_fingerprint() -> None:
    short = fingerprints(_with(invoice_number="12345678"), KEY)
    assert set(short) & set(fingerprints(INVOICE, KEY))


@pytest.mark.parametrize(
    "other",
    [_with(invoice_number="26312000000012345679"), _with(seller_uscc="91310000MA1FL2LE1X")],
)
def test_another_invoice_shares_nothing(other: InvoiceIdentity) -> None:
    assert not set(fingerprints(other, KEY)) & set(fingerprints(INVOICE, KEY))


def test_a_changed_amount_still_meets_by_the_number() -> None:
    assert len(set(fingerprints(_with(amount_fen=5), KEY)) & set(fingerprints(INVOICE, KEY))) == 1


def test_another_key_shares_nothing() -> None:
    assert not set(fingerprints(INVOICE, bytes(32))) & set(fingerprints(INVOICE, KEY))


def test_incomplete_identities_and_short_keys_are_refused() -> None:
    for changes in ({"invoice_number": " - "}, {"amount_fen": 0}, {"seller_uscc": ""}):
        with pytest.raises(ValueError, match="an invoice"):
            _with(**changes)
    with pytest.raises(ValueError, match="32 bytes"):
        fingerprints(INVOICE, bytes(31))
