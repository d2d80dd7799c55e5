"""Fingerprints of a receivable: the same invoice gives the same ones at every bank, and tells nobody else anything.

They are keyed: plain hashes of invoice data could be found by trying. A keyed function belongs to an *epoch*; while a
consortium changes its key, two epochs are active and every receivable is locked under both, so that a bank that knows
the new epoch only and one that knows the old one only still meet.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Protocol

from huilian_protocol.errors import HuilianError

from ledger.registry.invoices import InvoiceIdentity, identifiers

__all__ = [
    "FINGERPRINT_BYTES",
    "ClaimKeys",
    "HmacClaimKeys",
    "InvoiceIdentity",
    "QuorumMissing",
    "fingerprints",
    "padded",
    "padding",
]

_MIN_KEY_BYTES = 32
FINGERPRINT_BYTES = 32
# What one claim shows on the chain, whatever it really has; two epochs of three identifiers fit the smallest.
PADDED_SIZES = (8, 24, 64, 128, 255)


class QuorumMissing(HuilianError):
    """Fewer holders of the claim key answered than are needed; the claim waits, nothing is locked or paid out."""

    def __init__(self, epoch: int, needed: int, answered: int) -> None:
        super().__init__("UNAVAILABLE", f"epoch {epoch} of the claim key: {answered} of {needed} evaluators answered")


class ClaimKeys(Protocol):
    """The keyed functions of the active epochs."""

    def epochs(self) -> tuple[int, ...]:
        """The epochs under which receivables must be locked now, ascending; at least one."""
        ...

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        """The fingerprints of these identifiers in their order, 32 bytes each.

        Raises :class:`QuorumMissing`, and KeyError for an epoch that is not active.
        """
        ...


class HmacClaimKeys:
    """One key for each epoch, which every hub of the consortium holds."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys or any(len(key) < _MIN_KEY_BYTES for key in keys.values()):
            raise ValueError(f"a consortium key has at least {_MIN_KEY_BYTES} bytes")
        self._keys = dict(sorted(keys.items()))

    def epochs(self) -> tuple[int, ...]:
        """See `ClaimKeys`."""
        return tuple(self._keys)

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        """See `ClaimKeys`."""
        return [hmac.digest(self._keys[epoch], identifier, hashlib.sha256) for identifier in identifiers]


def fingerprints(invoice: InvoiceIdentity, consortium_key: bytes) -> tuple[bytes, ...]:
    """Return the invoice's fingerprints under one HMAC key, in the order of its identifiers."""
    if len(consortium_key) < _MIN_KEY_BYTES:
        raise ValueError(f"a consortium key has at least {_MIN_KEY_BYTES} bytes")
    return tuple(hmac.digest(consortium_key, identifier, hashlib.sha256) for identifier in identifiers(invoice))


def padded(prints: Sequence[bytes], secret: bytes) -> list[bytes]:
    """Fingerprints and as many others as make up the next fixed size.

    A watcher of the chain cannot tell how many identifiers an invoice has, nor whether two epochs are active. The
    others are a secret's, so they are the same each time and nobody else's. Raises ValueError for too many.
    """
    return [*prints, *padding(len(prints), secret)[len(prints) :]]


def padding(count: int, secret: bytes) -> list[bytes]:
    """All others that a claim of up to `count` fingerprints may ever have shown beside them."""
    size = next((size for size in PADDED_SIZES if size >= count), None)
    if size is None:
        raise ValueError(f"a claim has at most {PADDED_SIZES[-1]} fingerprints")
    return [hmac.digest(secret, b"padding" + number.to_bytes(2), hashlib.sha256) for number in range(size)]
