"""Period statements about a person's chain, and the file that proves a period complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from huilian_protocol.access_export import (
    MAX_EXPORT_RECORDS,
    ExportedRecord,
    Statement,
    build_export,
    read_statement,
    subject_commitment,
)
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import parse_receipt
from huilian_protocol.record import SALT_BYTES

from hub.ledger.log.store import LeafRow
from hub.ledger.log.stored import LogStore
from hub.ledger.ports import SubjectCipher
from hub.ledger.rules import unpack_body
from hub.ledger.service import LedgerService
from hub.ledger.subjects.stored import SubjectChainStore
from hub.platform.database import Database
from ledger.merkle.tiles import TileId, TileStore
from ledger.merkle.tree import prove_inclusion

STATEMENT = "access-statement"


class ChainExports:
    """Statements and exports of the chains of one log."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        cipher: SubjectCipher,
        ledger: LedgerService,
    ) -> None:
        self._clock, self._random_bytes, self._cipher, self._ledger = clock, random_bytes, cipher, ledger
        self._log, self._chains = LogStore(database), SubjectChainStore(database)

    async def state(
        self, subject: str, statement_id: str, period_from: datetime, period_to: datetime | None
    ) -> Statement:
        """Log a statement about a period, in the caller's transaction; without an end, or with a later one, up to now.

        Nothing of the period can come after it: its own time is the period's end or later, and a chain's times never
        go back. Raises HuilianError INVALID_ARGUMENT for a period that is empty or holds too many records for a file.
        """
        end = (await self._chains.lock_ends([subject])).get(subject)
        moments = [self._clock.now(), *([end.written_at] if end else [])]
        # Times in the log are whole seconds: the present one belongs to the period.
        now = max(moments).replace(microsecond=0) + timedelta(seconds=1)
        until = min(period_to, now) if period_to is not None else now
        if period_from >= until:
            raise HuilianError("INVALID_ARGUMENT", "the period ends before it begins", field="from_time")
        statement = await self._statement(subject, period_from.replace(microsecond=0), until.replace(microsecond=0))
        if statement.count > MAX_EXPORT_RECORDS:
            detail = f"{statement.count} records, a file holds {MAX_EXPORT_RECORDS}: choose a shorter period"
            raise HuilianError("INVALID_ARGUMENT", detail, field="to_time")
        await self._ledger.append_chained(
            STATEMENT,
            statement_id,
            statement.to_content(),
            subject=subject,
            evidence={},
            not_before=statement.period_to,
        )
        return statement

    async def _statement(self, subject: str, period_from: datetime, period_to: datetime) -> Statement:
        before = await self._chains.before(subject, period_from)
        last = await self._chains.before(subject, period_to)
        salt = self._random_bytes(SALT_BYTES)
        return Statement(
            commitment=subject_commitment(subject, salt),
            salt=salt,
            period_from=period_from,
            period_to=period_to,
            first_sequence=_sequence(before) + 1,
            last_sequence=_sequence(last),
            head=bytes(last.commitment) if last is not None else None,
        )

    async def records(self, subject: str, statement_id: str) -> tuple[bytes, Sequence[ExportedRecord]]:
        """The receipt of a statement and the records that it is about, with the one before and the one after.

        Raises HuilianError NOT_FOUND or RECEIPT_PENDING.
        """
        receipt = await self._ledger.receipt(statement_id, subject)
        parsed = parse_receipt(receipt)
        statement = read_statement(parsed.record["content"])
        first, last = statement.first_sequence - 1, statement.last_sequence + 1
        rows = [row for row in await self._chains.between(subject, first, last) if row.record_id != statement_id]
        return receipt, await self._exported(subject, rows, parsed.tree_size)

    async def _exported(self, subject: str, rows: Sequence[LeafRow], size: int) -> list[ExportedRecord]:
        bodies = await self._cipher.decrypt_many_for_subject(subject, [bytes(row.body) for row in rows])
        tiles = _RememberedTiles(self._log)
        made = []
        for row, body in zip(rows, bodies, strict=True):
            record, salt, evidence = unpack_body(body)
            if row.leaf_index is None:
                raise HuilianError("INTERNAL", "a record before an anchored statement has no place")
            proof = await prove_inclusion(tiles, row.leaf_index, size)
            made.append(ExportedRecord(record, salt, evidence, row.leaf_index, tuple(proof)))
        return made


def export_file(subject: str, statement: bytes, records: Sequence[ExportedRecord], edge_counts: Iterable[str]) -> bytes:
    """The file of a period from what `ChainExports.records` gave and the edges' counts."""
    stated = read_statement(parse_receipt(statement).record["content"])
    inside = [record for record in records if _is_inside(record, stated)]
    return build_export(
        subject=subject,
        statement=statement,
        records=inside,
        neighbours=[record for record in records if not _is_inside(record, stated)],
        edge_counts=list(edge_counts),
    )


def _is_inside(record: ExportedRecord, statement: Statement) -> bool:
    sequence = int(record.record["content"]["chain"]["sequence"])
    return statement.first_sequence <= sequence <= statement.last_sequence


def _sequence(row: LeafRow | None) -> int:
    return 0 if row is None or row.chain_sequence is None else row.chain_sequence


class _RememberedTiles:
    """Tiles for the length of one export: neighbouring proofs need the same ones."""

    def __init__(self, tiles: TileStore) -> None:
        self._tiles = tiles
        self._known: dict[TileId, bytes] = {}

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        wanted = list(tiles)
        missing = [tile for tile in wanted if tile not in self._known]
        if missing:
            self._known.update(await self._tiles.read_tiles(missing))
        return {tile: self._known[tile] for tile in wanted if tile in self._known}

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """Refuse: an export only reads."""
        raise PermissionError(f"an export writes no tiles ({len(tiles)})")
