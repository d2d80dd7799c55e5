"""The journal: genesis, every block with its raw transaction and what that did, and the state after the newest.

A replay of the raw transactions at their times gives the same chain again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huilian_protocol.canonical import parse_json

from ledger.embedded_chain.state import SCHEMA, StateStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS genesis (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), chain_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, allocations TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sealed_block (
    number INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, parent_hash BLOB NOT NULL, hash BLOB NOT NULL UNIQUE,
    transaction_hash BLOB NOT NULL UNIQUE, raw_transaction BLOB NOT NULL, outcome BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS topic (
    topic BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (topic, number)
) WITHOUT ROWID;
"""


class GenesisMismatch(Exception):
    """The state file belongs to a chain with another genesis than the one asked for."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Where a chain begins: its id, the time of block 0 (Unix seconds) and the first balances (wei by address)."""

    chain_id: int
    timestamp: int
    allocations: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as it lies in the file; hashes as bytes, `outcome` as `chain.py` writes it."""

    number: int
    timestamp: int
    parent_hash: bytes
    hash: bytes
    transaction_hash: bytes
    raw_transaction: bytes
    outcome: bytes


class Journal:
    """An SQLite file; what `append` returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. A second process on the same file is refused (sqlite3.OperationalError)."""
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        # FULL: an answered transaction must survive a power cut. EXCLUSIVE: two chains on one file would fork it.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'block'").fetchone():
            raise GenesisMismatch("the state file was written by an earlier version: remove it and start anew")
        self._connection.executescript(_SCHEMA + SCHEMA)
        self.state = StateStore(self._connection)

    def genesis(self, wanted: Genesis) -> Genesis:
        """Return the stored genesis, storing the wanted one in a new file.

        Raises `GenesisMismatch` when chain id or allocations differ; the time of block 0 is always the stored one.
        """
        row = self._connection.execute("SELECT chain_id, timestamp, allocations FROM genesis").fetchone()
        if row is None:
            values = (wanted.chain_id, wanted.timestamp, json.dumps(_texts(wanted.allocations)))
            self._connection.execute("INSERT INTO genesis VALUES (1, ?, ?, ?)", values)
            return wanted
        allocations = parse_json(row[2].encode("utf-8"))
        stored = Genesis(row[0], row[1], {address: int(wei) for address, wei in allocations.items()})
        if (stored.chain_id, dict(stored.allocations)) != (wanted.chain_id, dict(wanted.allocations)):
            raise GenesisMismatch(f"the state file holds chain {stored.chain_id} with other settings than asked for")
        return stored

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: a block with the state after it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def append(self, block: StoredBlock, topics: Iterable[bytes]) -> None:
        """Write a block in the open transaction; `topics` are the first ones of its events."""
        values = (block.number, block.timestamp, block.parent_hash, block.hash)
        values_too = (block.transaction_hash, block.raw_transaction, block.outcome)
        self._connection.execute("INSERT INTO sealed_block VALUES (?, ?, ?, ?, ?, ?, ?)", values + values_too)
        rows = [(topic, block.number) for topic in set(topics)]
        self._connection.executemany("INSERT INTO topic VALUES (?, ?)", rows)

    def head(self) -> int:
        """Return the number of the newest block, 0 for none."""
        return int(self._connection.execute("SELECT COALESCE(MAX(number), 0) FROM sealed_block").fetchone()[0])

    def block(self, number: int) -> StoredBlock | None:
        """Return a block by its number."""
        return self._one("SELECT * FROM sealed_block WHERE number = ?", number)

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Return a block by its hash."""
        return self._one("SELECT * FROM sealed_block WHERE hash = ?", block_hash)

    def block_of(self, transaction_hash: bytes) -> StoredBlock | None:
        """Return the block of a transaction."""
        return self._one("SELECT * FROM sealed_block WHERE transaction_hash = ?", transaction_hash)

    def _one(self, sql: str, value: object) -> StoredBlock | None:
        row = self._connection.execute(sql, (value,)).fetchone()
        return StoredBlock(*row) if row else None

    def numbers_with(self, topics: Iterable[bytes], first: int, last: int) -> list[int]:
        """Return the blocks of a range that have an event with one of these first topics."""
        sql = "SELECT number FROM topic WHERE topic = ? AND number BETWEEN ? AND ?"
        found = {row[0] for topic in topics for row in self._connection.execute(sql, (topic, first, last))}
        return sorted(found)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _texts(allocations: Mapping[str, int]) -> dict[str, str]:
    return {address: str(wei) for address, wei in sorted(allocations.items())}
