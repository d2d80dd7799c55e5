"""Queries over the log. Appending and sequencing are hot paths and use plain statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.ledger.chain.store import AnchorRow, TransactionRow
from hub.ledger.log.store import CheckpointRow, HeadRow, LeafRow, LogEpochRow, TileRow
from hub.platform.database import Database
from ledger.merkle.frontier import Frontier
from ledger.merkle.tiles import TileId


class LostRace(Exception):
    """Another process extended the log first; nothing was written, try again."""


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """A record to be stored; `chain_sequence` is its place among its subject's chained records, if it has one."""

    record_id: str
    subject: str | None
    commitment: bytes
    body: bytes
    written_at: datetime
    chain_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last record of a subject's chain."""

    sequence: int
    commitment: bytes
    written_at: datetime


@dataclass(frozen=True, slots=True)
class PendingLeaf:
    """A record that is committed but has no place in the log yet."""

    id: int
    commitment: bytes


_ADD_LEAF = (
    "INSERT INTO ledger_leaf (record_id, subject, commitment, body, written_at, chain_sequence)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)


def _leaf_values(leaf: NewLeaf) -> tuple[Any, ...]:
    return (leaf.record_id, leaf.subject, leaf.commitment, leaf.body, leaf.written_at, leaf.chain_sequence)


class LogStore:
    """Leaves, tiles, head and checkpoints (implements `ledger.merkle.tiles.TileStore`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_leaf(self, leaf: NewLeaf) -> bool:
        """Store a record in the open transaction; False when its id is taken."""
        sql = f"{_ADD_LEAF} ON CONFLICT (record_id) DO NOTHING RETURNING id"
        return len(await self._database.fetch(sql, *_leaf_values(leaf))) == 1

    async def add_leaves(self, leaves: Sequence[NewLeaf]) -> None:
        """Store records in the open transaction, in this order. Raises IntegrityError when an id is taken."""
        await self._database.execute_many(_ADD_LEAF, [_leaf_values(leaf) for leaf in leaves])

    async def leaf(self, record_id: str) -> LeafRow | None:
        """Return a record's row."""
        return await LeafRow.get_or_none(record_id=record_id)

    async def pending(self, limit: int) -> list[PendingLeaf]:
        """Return leaves without a place, oldest first."""
        sql = "SELECT id, commitment FROM ledger_leaf WHERE leaf_index IS NULL ORDER BY id LIMIT $1"
        return [PendingLeaf(row["id"], bytes(row["commitment"])) for row in await self._database.fetch(sql, limit)]

    async def place(self, leaves: Sequence[PendingLeaf], first_index: int) -> None:
        """Give leaves their places in the given order."""
        rows = [(first_index + offset, leaf.id) for offset, leaf in enumerate(leaves)]
        await self._database.execute_many("UPDATE ledger_leaf SET leaf_index = $1 WHERE id = $2", rows)

    async def lock(self) -> None:
        """Be the only sequencer until the transaction ends."""
        await self._database.lock("ledger", "sequencer")

    async def frontier(self) -> Frontier:
        """Return the log's frontier; an empty one for a new log."""
        row = await HeadRow.get_or_none(id=1)
        return Frontier.from_bytes(row.size, bytes(row.frontier)) if row else Frontier()

    async def advance(self, old_size: int, frontier: Frontier) -> None:
        """Replace the head if it still has `old_size`. Raises `LostRace` otherwise."""
        values = (frontier.size, frontier.root(), frontier.to_bytes())
        if old_size == 0:
            columns = "INSERT INTO ledger_head (id, size, root, frontier)"
            sql = f"{columns} VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING id"
            moved = len(await self._database.fetch(sql, *values))
        else:
            sql = "UPDATE ledger_head SET size = $1, root = $2, frontier = $3 WHERE id = 1 AND size = $4"
            moved = await self._database.execute(sql, *values, old_size)
        if moved != 1:
            raise LostRace(f"the log no longer has size {old_size}")

    async def add_checkpoint(self, size: int, root: bytes, note: str, at: datetime) -> None:
        """Publish a signed checkpoint."""
        await CheckpointRow.create(size=size, root=root, note=note, signed_at=at)

    async def newest_checkpoint(self) -> CheckpointRow | None:
        """Return the checkpoint of the greatest size."""
        return await CheckpointRow.all().order_by("-size").first()

    async def newest_checkpoint_before(self, moment: datetime) -> CheckpointRow | None:
        """Return the one of the greatest size that was signed by then."""
        return await CheckpointRow.filter(signed_at__lte=moment).order_by("-size").first()

    async def checkpoint(self, size: int) -> CheckpointRow | None:
        """Return the checkpoint of a size."""
        return await CheckpointRow.get_or_none(size=size)

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        wanted = {_tile_key(tile): tile for tile in tiles}
        rows = await TileRow.filter(id__in=list(wanted)) if wanted else []
        return {wanted[row.id]: bytes(row.data) for row in rows}

    async def entries(self, first: int, end: int) -> list[bytes]:
        """Return the commitments in the log from an index on, up to but without another."""
        sql = "SELECT commitment FROM ledger_leaf WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index"
        return [bytes(row["commitment"]) for row in await self._database.fetch(sql, first, end)]

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """See `TileStore`."""
        sql = "INSERT INTO ledger_tile (id, data) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET data = excluded.data"
        await self._database.execute_many(sql, [(_tile_key(tile), data) for tile, data in tiles.items()])


def _tile_key(tile: TileId) -> str:
    return f"{tile.level}/{tile.index}"


class AuditStore:
    """Reading everything, for fsck."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self) -> HeadRow | None:
        """Return the head."""
        return await HeadRow.get_or_none(id=1)

    async def leaves(self, first: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Return placed records from an index on, up to but without another, by index."""
        sql = (
            "SELECT record_id, subject, commitment, body, leaf_index FROM ledger_leaf"
            " WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index LIMIT $3"
        )
        return await self._database.fetch(sql, first, end, limit)

    async def last_leaves(self, first: int, limit: int) -> list[dict[str, Any]]:
        """Return placed records from an index on, the greatest index first."""
        sql = (
            "SELECT record_id, commitment, leaf_index FROM ledger_leaf"
            " WHERE leaf_index >= $1 ORDER BY leaf_index DESC LIMIT $2"
        )
        return await self._database.fetch(sql, first, limit)

    async def tile_names(self) -> list[str]:
        """Return the id of every tile."""
        return [row["id"] for row in await self._database.fetch("SELECT id FROM ledger_tile ORDER BY id")]

    async def checkpoints(self) -> list[CheckpointRow]:
        """Return every checkpoint by size."""
        return await CheckpointRow.all().order_by("size")

    async def anchors(self) -> list[tuple[int, str, TransactionRow | None]]:
        """Return every anchor's size and purpose, with its transaction if that row is there."""
        anchors = await AnchorRow.all().order_by("size")
        rows = await TransactionRow.filter(purpose__startswith="anchor:")
        by_purpose = {row.purpose: row for row in rows}
        return [(row.size, row.purpose, by_purpose.get(row.purpose)) for row in anchors]

    async def transaction_hashes(self) -> frozenset[str]:
        """Return the hash of every transaction that was signed for the chain."""
        sql = (
            "SELECT hash FROM ledger_transaction WHERE hash IS NOT NULL"
            " UNION SELECT hash FROM ledger_transaction_variant"
        )
        return frozenset(row["hash"] for row in await self._database.fetch(sql))


class EpochStore:
    """Which generation of the log's keys signs from which size on. The first one has no row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first_sizes(self) -> dict[int, int]:
        """The size from which on each generation signs, by its number."""
        return {0: 0} | {row.number: row.first_size for row in await LogEpochRow.all().order_by("number")}

    async def begin(self, number: int, first_size: int) -> None:
        """Let a generation take over; again is a no-op."""
        sql = "INSERT INTO ledger_log_epoch (number, first_size) VALUES ($1, $2) ON CONFLICT (number) DO NOTHING"
        await self._database.execute(sql, number, first_size)
