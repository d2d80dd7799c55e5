"""Keccak-256 as Ethereum uses it: the original padding, not that of SHA3-256."""

from __future__ import annotations

from functools import lru_cache

from Crypto.Hash import keccak

try:
    import sha3
except ImportError:  # it is built for Linux only; there it takes a fifth of the time for a short text
    sha3 = None


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest."""
    return portable_keccak256(data) if sha3 is None else bytes(sha3.keccak_256(data).digest())


def portable_keccak256(data: bytes) -> bytes:
    """Return the same digest on every machine."""
    return bytes(keccak.new(data=data, digest_bits=256).digest())


@lru_cache(64)
def chain_address(public_key: bytes) -> bytes:
    """Return the 20-byte account address of a secp256k1 public key (64 bytes: x and y)."""
    if len(public_key) != 64:
        raise ValueError("a secp256k1 public key is 64 bytes: x and y")
    return keccak256(public_key)[-20:]
