"""Salted commitments to records: what the ledger's leaves hold instead of the records themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from huilian_protocol.canonical import canonicalise

__all__ = ["SALT_BYTES", "commit_canonical", "commit_record"]

SALT_BYTES = 32


def commit_record(record: Mapping[str, Any], salt: bytes) -> bytes:
    """SHA-256(salt || canonical record), 32 bytes: the *data* of a leaf; its hash in the tree is SHA-256(0x00 || data).

    The salt (32 random bytes, one per record) keeps a guess at the record from being confirmed by the public log;
    whoever destroys salt and record leaves a proof that tells nothing. Raises ``ValueError`` for a salt of another
    length.
    """
    return commit_canonical(canonicalise(dict(record)), salt)


def commit_canonical(record: bytes, salt: bytes) -> bytes:
    """:func:`commit_record` of a record in its canonical form."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a record's salt is 32 bytes")
    return hashlib.sha256(salt + record).digest()
