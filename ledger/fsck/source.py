"""Where fsck reads a log from: the port of its owner, and the rows as the owner stores them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.merkle.tiles import TileStore


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """A record that has its place. `content_fault` is empty, or says how the readable copy denies the commitment."""

    row: str
    index: int
    commitment: bytes
    content_fault: str = ""


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The head row: size, root and the joined frontier."""

    size: int
    root: bytes
    frontier: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed checkpoint with the size and root columns beside it."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class StoredCosignature:
    """A witness's signature line for the checkpoint of a size."""

    size: int
    witness: str
    line: str


@dataclass(frozen=True, slots=True)
class StoredAnchor:
    """An anchored size with its transaction; `state` is empty when that row is missing."""

    size: int
    purpose: str
    state: str = ""
    transaction_hash: str = ""
    block_number: int | None = None
    block_hash: str | None = None
    raw: bytes = b""


class LogSource(TileStore, Protocol):
    """A stored log, read only. Everything but the head may have grown since the head was read."""

    async def head(self) -> StoredHead | None:
        """Return the head, None for a log without one."""

    def leaves(self, size: int) -> AsyncIterator[StoredLeaf]:
        """Yield the placed leaves with an index under `size`, by index."""

    async def leaves_beyond(self, size: int) -> Sequence[StoredLeaf]:
        """Return the placed leaves with an index of `size` or more, the greatest first, up to some limit."""

    async def tile_names(self) -> Sequence[str]:
        """Return "<level>/<index>" of every stored tile."""

    async def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """Return all checkpoints, by size."""

    async def cosignatures(self) -> Sequence[StoredCosignature]:
        """Return all cosignatures, by size."""

    async def anchors(self) -> Sequence[StoredAnchor]:
        """Return all anchors, by size."""

    async def transaction_hashes(self) -> frozenset[str]:
        """Return the hashes of all transactions that were ever signed for the chain."""
