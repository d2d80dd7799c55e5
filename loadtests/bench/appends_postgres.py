"""Records into the log on PostgreSQL with fsync ÷ raw inserts of the same bytes into a table with the same indexes.

The same as `appends.py` on the database of a bank with several hub processes: one server for both sides, every commit
waits for the disk of TMPDIR.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from loadtests.bench.appends import FIRST, TABLE, Log, running_log
from loadtests.pairs import Pair, Side
from tests.support.postgres import PostgresServer

RECORDS = {1: 100, 100: 2_000, 1_000: 5_000}
"""Records of one round by how many are written per transaction."""

NAME = "log records on PostgreSQL with fsync"
_RAW = "raw_leaf"


class _Inserts:
    """Raw inserts of one of our own rows under ever new ids, on a connection that waits for the disk."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], row: dict[str, object]) -> None:
        self._connection, self._row, self._numbers = connection, row, itertools.count()
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        self._sql = f"INSERT INTO {_RAW} ({', '.join(row)}) VALUES ({places})"  # noqa: S608  constants

    @classmethod
    async def beside(cls, connection: asyncpg.Connection[asyncpg.Record]) -> _Inserts:
        """Make the table; the row is that of the first record."""
        await connection.execute(f"CREATE TABLE {_RAW} (LIKE {TABLE} INCLUDING ALL)")
        row = await connection.fetchrow(f"SELECT * FROM {TABLE} WHERE record_id = $1", FIRST)  # noqa: S608  constants
        assert row is not None, "the first record was written"
        return cls(connection, dict(row))

    async def write(self, count: int, batch: int) -> Sequence[float]:
        """So many rows, committed `batch` at a time."""
        statement = await self._connection.prepare(self._sql)
        for _ in range(count // batch):
            rows = [self._fresh() for _ in range(batch)]
            async with self._connection.transaction():
                await statement.executemany(rows)
        return ()

    def _fresh(self) -> list[object]:
        number = next(self._numbers)
        return list({**self._row, "id": number, "record_id": f"bench:{number}", "leaf_index": number}.values())


@asynccontextmanager
async def postgres_append_pairs(wanted: Callable[[str], bool]) -> AsyncIterator[list[Pair]]:
    """One pair for each size of a transaction; none, and no server, when none is wanted."""
    names = {batch: f"{NAME}, {batch} per transaction" for batch in RECORDS}
    if not any(map(wanted, names.values())):
        yield []
        return
    server = PostgresServer(durable=True)
    server.start()
    try:
        connection = await asyncpg.connect(server.url("postgres"))
        async with running_log(server.url("postgres")) as log:
            await log.write(1, 1)
            inserts = await _Inserts.beside(connection)
            yield [_pair(names[batch], log, inserts, batch, count) for batch, count in RECORDS.items()]
        await connection.close()
    finally:
        server.stop()


def _pair(name: str, log: Log, inserts: _Inserts, batch: int, count: int) -> Pair:
    async def ours(records: int) -> Sequence[float]:
        return await log.write(max(batch, records), batch)

    async def baseline(records: int) -> Sequence[float]:
        return await inserts.write(max(batch, records), batch)

    return Pair(
        name,
        "records",
        Side("append and integrate", ours, count),
        Side("raw inserts of the same rows", baseline, count),
    )
