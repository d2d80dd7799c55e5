"""Keccak-256 and account addresses as Ethereum has them."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from eth_account import Account
from huilian_protocol.keccak import chain_address, keccak256, portable_keccak256
from hypothesis import given, settings
from hypothesis import strategies as st


def test_the_digest_of_nothing() -> None:
    """Not that of SHA3-256, which pads otherwise."""
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(max_size=400))
@settings(max_examples=30, deadline=None)
def test_machines_without_the_fast_library_make_the_same_digest(data: bytes) -> None:
    assert portable_keccak256(data) == keccak256(data)


@given(st.binary(min_size=31, max_size=31))
@settings(max_examples=30, deadline=None)
def test_addresses_are_eth_accounts(entropy: bytes) -> None:
    secret = b"\x01" + entropy
    public = PrivateKey(secret).public_key.format(compressed=False)[1:]
    assert "0x" + chain_address(public).hex() == Account.from_key(secret).address.lower()


@pytest.mark.parametrize("size", [0, 33, 65])
def test_a_public_key_has_64_bytes(size: int) -> None:
    with pytest.raises(ValueError):
        chain_address(bytes(size))
