"""Keccak-256 as Ethereum uses it: the original padding, not that of SHA3-256."""

from __future__ import annotations

from functools import lru_cache

import sha3


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


@lru_cache(64)
def chain_address(public_key: bytes) -> bytes:
    """Return the 20-byte account address of a secp256k1 public key (64 bytes: x and y)."""
    if len(public_key) != 64:
        raise ValueError("a secp256k1 public key is 64 bytes: x and y")
    return keccak256(public_key)[-20:]
