"""Encryption of stored keys under the hub's master key (AES-256-GCM, RFC 5116)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_KEY_BYTES, NONCE_BYTES = 32, 12
RandomBytes = Callable[[int], bytes]


class VaultLocked(RuntimeError):
    """A stored key does not open with this master key, or the master key has a wrong size."""


class Wrapping:
    """Encryption under the master key; `context` names what is wrapped, so that no two stored keys can be swapped.

    While the master key is exchanged there are several: the first one wraps, all of them unwrap.
    """

    def __init__(self, master_keys: bytes | Callable[[], Sequence[bytes]], random_bytes: RandomBytes) -> None:
        self._masters = (lambda: [master_keys]) if isinstance(master_keys, bytes) else master_keys
        self._random_bytes = random_bytes
        self._aead = cache(_aead)
        for key in self._masters():
            self._aead(key)

    def wrap(self, context: str, plain: bytes) -> bytes:
        """Nonce and ciphertext."""
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + self._aead(self._masters()[0]).encrypt(nonce, plain, context.encode())

    def unwrap(self, context: str, wrapped: bytes) -> bytes:
        """What was wrapped in this context. Raises VaultLocked for another master key, context or changed bytes."""
        for key in self._masters():
            plain = self._opened(key, context, wrapped)
            if plain is not None:
                return plain
        raise VaultLocked(f"{context} does not open with this master key")

    def is_newest(self, context: str, wrapped: bytes) -> bool:
        """Whether this is under the master key that wraps at present."""
        return self._opened(self._masters()[0], context, wrapped) is not None

    def _opened(self, key: bytes, context: str, wrapped: bytes) -> bytes | None:
        try:
            return self._aead(key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())
        except InvalidTag:
            return None


def _aead(key: bytes) -> AESGCM:
    if len(key) != MASTER_KEY_BYTES:
        raise VaultLocked(f"the master key has {len(key)} bytes, not {MASTER_KEY_BYTES}")
    return AESGCM(key)
