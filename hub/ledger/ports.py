"""What the ledger needs of others; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hub.ledger.witnesses.desk import Answer
from ledger.merkle.note import NoteKey


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


class WitnessPeer(Protocol):
    """Another hub that watches this hub's log (huilian.ledger.v1.WitnessService)."""

    key: NoteKey

    async def add_checkpoint(self, old_size: int, proof: Sequence[bytes], note: str) -> Answer:
        """Ask for a cosignature. Raises HuilianError when it cannot be reached or refuses."""
        ...

    async def witnessed(self, log_name: str) -> str | None:
        """The last checkpoint that it cosigned, None if it never did. Raises HuilianError when it cannot be asked."""
        ...
