"""Receipts: one canonical file, every byte of it covered by the hub's signature."""

from __future__ import annotations

from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import build_receipt, parse_receipt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.cases import receipt_parts
from tests.unit.protocol.world import HUB, STRANGER

GOOD = build_receipt(HUB, **receipt_parts())


def refused(data: bytes) -> str:
    with pytest.raises(HuilianError) as caught:
        parse_receipt(data)
    assert caught.value.code == "RECEIPT_INVALID"
    return caught.value.detail


def resigned(path: str, value: Any) -> bytes:
    """A receipt with an odd value that the hub really signed."""
    parts = receipt_parts()
    parts[path] = value
    return build_receipt(HUB, **parts)


def edited(**changes: Any) -> bytes:
    return canonicalise(parse_canonical(GOOD) | changes)


def test_a_receipt_reads_back() -> None:
    parts, receipt = receipt_parts(), parse_receipt(GOOD)
    assert receipt.hub_key == HUB.public_key()
    for name, value in parts.items():
        assert getattr(receipt, name) == (tuple(value) if isinstance(value, list) else value)


@given(st.data())
@settings(max_examples=300)
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    content = bytearray(GOOD)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    refused(bytes(content))


def test_a_signature_by_another_key_is_refused() -> None:
    other = parse_canonical(build_receipt(STRANGER, **receipt_parts()))
    assert "unknown key" in refused(edited(signature=other["signature"]))
    assert "something else" in refused(edited(leaf_index=1))


def test_whose_key_it_is_stays_the_verifiers_question() -> None:
    assert parse_receipt(build_receipt(STRANGER, **receipt_parts())).hub_key == STRANGER.public_key()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("salt", bytes(31)),
        ("leaf_index", -1),
        ("leaf_index", 5),
        ("tree_size", 0),
        ("inclusion_proof", [bytes(31)]),
        ("inclusion_proof", [bytes(32)] * 65),
        ("checkpoint", ""),
    ],
)
def test_odd_values_are_refused_even_when_signed(path: str, value: Any) -> None:
    refused(resigned(path, value))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"type": "huilian-receipt/v2"},
        {"record": []},
        {"evidence": None},
        {"hub_key": {}},
        {"inclusion_proof": [1]},
        {"signature": None},
        {"signature": "a.b.c"},
        {"anchor": {}},
    ],
)
def test_malformed_receipts_are_refused(change: dict[str, Any]) -> None:
    refused(edited(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"tx_hash": "0x12"},
        {"tx_hash": "0x" + "AB" * 32},
        {"contract": "x"},
        {"raw_transaction": "0x"},
        {"raw_transaction": "0xabc"},
        {"size": 0},
        {"root": "AA"},
        {"block_number": "7"},
        {"chain_id": 0},
    ],
)
def test_a_malformed_anchor_is_refused(change: dict[str, Any]) -> None:
    refused(edited(anchor=receipt_parts()["anchor"].to_dict() | change))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", GOOD + b"\n", b" " * (1024 * 1024 + 1)])
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    refused(data)
