"""Fingerprints: equal for one invoice however it is typed, different for another, nothing without the key."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from ledger.registry.fingerprints import PADDED_SIZES, HmacClaimKeys, InvoiceIdentity, fingerprints, padded, padding
from ledger.registry.invoices import identifiers

KEY = bytes(range(32))
INVOICE = InvoiceIdentity(
    "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", "26312000000012345678", 1_130_000, date(2026, 3, 2)
)


def _with(**changes: object) -> InvoiceIdentity:
    return dataclasses.replace(INVOICE, **changes)  # type: ignore[arg-type]


def test_known_answer() -> None:
    """Frozen: every bank on the chain computes the same bytes."""
    assert [value.hex() for value in fingerprints(INVOICE, KEY)] == [
        "8c06dfe6ed532d61179dbf8a4e4ff6634112fb3ce325e55fde6f498caf9bb215",
        "98222397406836e78537530c27638b0cfba041dca5cf777a9f79361097d61f58",
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


async def test_each_epoch_has_its_own_fingerprints() -> None:
    keys = HmacClaimKeys({2: bytes(32), 1: KEY})
    assert keys.epochs() == (1, 2)
    assert tuple(await keys.evaluate(1, identifiers(INVOICE))) == fingerprints(INVOICE, KEY)
    assert tuple(await keys.evaluate(2, identifiers(INVOICE))) == fingerprints(INVOICE, bytes(32))
    with pytest.raises(KeyError):
        await keys.evaluate(3, identifiers(INVOICE))
    for wrong in ({}, {1: bytes(31)}):
        with pytest.raises(ValueError, match="consortium key"):
            HmacClaimKeys(wrong)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 24, 255])
def test_padding_makes_sizes_that_tell_nothing(count: int) -> None:
    real = [bytes([number]) * 32 for number in range(count)]
    shown = padded(real, b"secret")
    assert shown[:count] == real and len(shown) in PADDED_SIZES and len(set(shown)) == len(shown)
    assert shown == padded(real, b"secret") and set(shown[count:]) <= set(padding(count, b"secret"))
    assert not set(padding(count, b"secret")) & set(padding(count, b"other"))


def test_more_than_a_call_carries_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        padded([bytes(32)] * 256, b"secret")
