"""What the ledger needs of others; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class SubjectCipher(Protocol):
    """Encryption under one person's own key (hub/platform)."""

    async def encrypt_for_subjects(self, items: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """Return ciphertexts, each of which becomes unreadable when its subject's key is destroyed."""
        ...

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Return the plaintext; an error once the key is destroyed."""
        ...

    async def decrypt_many_for_subject(self, subject: str, items: Sequence[bytes]) -> list[bytes]:
        """Return the plaintexts of several; an error once the key is destroyed."""
        ...
