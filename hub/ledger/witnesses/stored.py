"""Queries over witnesses' signatures on this log, and over other logs that this hub watches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.ledger.log.store import CheckpointRow
from hub.ledger.witnesses.store import CosignatureRow, EquivocationRow, WitnessedRow
from hub.platform.database import Database


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """A checkpoint with the cosignatures that came so far; `note` holds all lines."""

    size: int
    root: bytes
    note: str
    witnesses: frozenset[str]
    signed_at: datetime


class CosignatureStore:
    """Witnesses' lines under this hub's checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, size: int, witness: str, line: str) -> None:
        """Keep a line; of one witness and checkpoint the first one."""
        sql = (
            "INSERT INTO ledger_cosignature (size, witness, line) VALUES ($1, $2, $3)"
            " ON CONFLICT (size, witness) DO NOTHING"
        )
        await self._database.execute(sql, size, witness, line)

    async def of(self, size: int) -> Mapping[str, str]:
        """The lines under the checkpoint of a size, by witness."""
        rows = await CosignatureRow.filter(size=size).order_by("witness")
        return {row.witness: row.line for row in rows}

    async def all(self) -> Sequence[CosignatureRow]:
        """Every line, by size."""
        return await CosignatureRow.all().order_by("size", "witness")

    async def newest_with(self, at_least: int, witnesses: Sequence[str]) -> int:
        """The greatest size that so many of these witnesses cosigned, 0 without any."""
        if not witnesses:
            return 0
        places = ", ".join(f"${number}" for number in range(2, len(witnesses) + 2))
        sql = (
            f"SELECT size FROM ledger_cosignature WHERE witness IN ({places})"  # noqa: S608  numbered places only
            " GROUP BY size HAVING count(*) >= $1 ORDER BY size DESC LIMIT 1"
        )
        rows = await self._database.fetch(sql, at_least, *witnesses)
        return int(rows[0]["size"]) if rows else 0

    async def anchored_with(self, at_least: int, witnesses: Sequence[str], leaf_index: int) -> int:
        """The smallest anchored size that holds a leaf and that so many of these witnesses cosigned, 0 without any."""
        if not witnesses:
            return 0
        places = ", ".join(f"${number}" for number in range(3, len(witnesses) + 3))
        sql = (
            "SELECT a.size AS size FROM ledger_anchor a JOIN ledger_cosignature c ON c.size = a.size"  # noqa: S608
            f" WHERE a.size > $1 AND c.witness IN ({places})"
            " GROUP BY a.size HAVING count(*) >= $2 ORDER BY a.size LIMIT 1"
        )
        rows = await self._database.fetch(sql, leaf_index, at_least, *witnesses)
        return int(rows[0]["size"]) if rows else 0

    async def published(self, row: CheckpointRow) -> PublishedCheckpoint:
        """A checkpoint with its lines."""
        lines = await self.of(row.size)
        note = row.note + "".join(lines.values())
        return PublishedCheckpoint(row.size, bytes(row.root), note, frozenset(lines), row.signed_at)


class WitnessStore:
    """Other hubs' logs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen(self, origin: str) -> WitnessedRow | None:
        """A log as it was last cosigned."""
        return await WitnessedRow.get_or_none(origin=origin)

    async def lock(self, origin: str) -> WitnessedRow | None:
        """The same, with nobody else changing it until this transaction ends."""
        await self._database.lock("ledger", "witness", origin)
        return await self.seen(origin)

    async def remember(self, origin: str, size: int, root: bytes, note: str, at: datetime) -> None:
        """Keep what is about to be cosigned."""
        sql = (
            "INSERT INTO ledger_witnessed (origin, size, root, note, seen_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note,"
            " seen_at = excluded.seen_at"
        )
        await self._database.execute(sql, origin, size, root, note, at)

    async def add_equivocation(self, origin: str, proof: bytes, at: datetime) -> None:
        """Keep a proof; again is a no-op."""
        sql = (
            "INSERT INTO ledger_equivocation (sha256, origin, proof, found_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (sha256) DO NOTHING"
        )
        await self._database.execute(sql, hashlib.sha256(proof).hexdigest(), origin, proof, at)

    async def equivocations(self, origin: str, limit: int) -> list[bytes]:
        """The proofs against a log, oldest first."""
        rows = await EquivocationRow.filter(origin=origin).order_by("found_at").limit(limit)
        return [bytes(row.proof) for row in rows]
