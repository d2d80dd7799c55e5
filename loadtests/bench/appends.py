"""Records into the log, as a hub process writes them ÷ raw SQLite inserts of the same bytes, equally durable.

Ours: canonical record, salt, commitment, leaf row, then a place in the Merkle tree and a signed checkpoint. Both sides
commit as often and wait for the disk (WAL, synchronous=FULL); the sequencer's own commits come on top of ours.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import SystemClock

from hub.ledger.log.sequencer import Sequencer
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.vault import SubjectVault, Wrapping
from ledger.merkle.checkpoint import LogSigner
from loadtests.bench.raw_sqlite import copy_tables, durable, insert, one_row
from loadtests.bench.world import FOLDER
from loadtests.pairs import Pair, Side

RECORDS = {1: 100, 10: 500, 100: 2_000, 1_000: 5_000}
"""Records of one round by how many are written per transaction."""

TABLE, FIRST = "ledger_leaf", "bench:0"


@dataclass
class Log:
    """A log on a database of its own, wired as in `hub/main.py`, with its sequencer at work."""

    database: Database
    ledger: LedgerService
    sequencer: Sequencer
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def write(self, count: int, batch: int) -> list[float]:
        """Append, and wait until every record has its place."""
        for _ in range(count // batch):
            async with self.database.transaction():
                for _ in range(batch):
                    number = next(self.numbers)
                    await self.ledger.append(
                        "certificate.transferred", f"bench:{number}", _record(number), subject=None, evidence={}
                    )
        while await self.sequencer.integrate():
            pass
        return []


def _record(number: int) -> dict[str, Any]:
    """What a transfer of a certificate puts into the log."""
    return {
        "parties": ["91449900MA0H00010W", "91449900MA0H00029R", "91449900MA0H00037L"],
        "certificate_id": f"{number:032d}",
        "receivable_id": "7d9a5f6d3c0b4c1e8f2a6b9c0d1e2f30",
        "parent_id": f"{number - 1:032d}",
        "state": "ISSUED",
        "issuer_uscc": "91449900MA0H00010W",
        "holder_uscc": "91449900MA0H00037L",
        "offered_by": "91449900MA0H00029R",
        "amount_fen": 12_345_600,
        "currency": "CNY",
        "due_date": "2026-12-31",
    }


@asynccontextmanager
async def append_pairs() -> AsyncIterator[list[Pair]]:
    """One pair for each size of a transaction."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="log-", dir=FOLDER) as name:
        folder = Path(name)
        async with running_log(f"sqlite://{folder / 'hub.sqlite'}") as log:
            await log.write(1, 1)
            with closing(durable(folder / "raw.sqlite")) as raw:
                inserts = _Inserts(raw, folder / "hub.sqlite")
                yield [_pair(log, inserts, batch, count) for batch, count in RECORDS.items()]


def _pair(log: Log, inserts: _Inserts, batch: int, count: int) -> Pair:
    async def ours(records: int) -> list[float]:
        return await log.write(max(batch, records), batch)

    async def baseline(records: int) -> list[float]:
        return inserts.write(max(batch, records), batch)

    return Pair(
        f"log records, {batch} per transaction",
        "records",
        Side("append and integrate", ours, count),
        Side("raw SQLite inserts of the same rows", baseline, count),
    )


class _Inserts:
    """Raw inserts of one of our own rows under ever new ids."""

    def __init__(self, raw: sqlite3.Connection, hub: Path) -> None:
        copy_tables(raw, hub, TABLE)
        self._raw, self._numbers, self._row = raw, itertools.count(), one_row(hub, TABLE, "record_id", FIRST)

    def write(self, count: int, batch: int) -> list[float]:
        """Blocking on purpose: the barest way to write."""
        for _ in range(count // batch):
            self._raw.execute("BEGIN IMMEDIATE")
            for _ in range(batch):
                number = next(self._numbers)
                new = {"id": number, "record_id": f"bench:{number}", "leaf_index": number}
                insert(self._raw, TABLE, {**self._row, **new})
            self._raw.execute("COMMIT")
        return []


@asynccontextmanager
async def running_log(url: str) -> AsyncIterator[Log]:
    """A log on a fresh database of its own."""
    clock, database = SystemClock(), Database(url)
    await database.open()
    await database.migrate()
    sequencer = Sequencer(database, clock, LogSigner("bench.huilian.example", Ed25519PrivateKey.generate()))
    key = ec.generate_private_key(ec.SECP256R1())
    cipher = SubjectVault(database, Wrapping(os.urandom(32), os.urandom), os.urandom, clock)
    ledger = LedgerService(
        database, clock, os.urandom, cipher, lambda: key, 1, "0x" + "00" * 20, wake_sequencer=sequencer.wake
    )
    stop = asyncio.Event()
    working = asyncio.create_task(sequencer.run(stop))
    try:
        yield Log(database, ledger, sequencer)
    finally:
        stop.set()
        await working
        await database.close()
