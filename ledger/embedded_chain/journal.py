"""The journal: genesis and every raw transaction with its block's timestamp. A replay gives the same chain again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from huilian_protocol.canonical import parse_json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS genesis (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), chain_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, allocations TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS block (
    number INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, raw_transaction BLOB NOT NULL
);
"""


class GenesisMismatch(Exception):
    """The state file belongs to a chain with another genesis than the one asked for."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Where a chain begins: its id, the time of block 0 (Unix seconds) and the first balances (wei by address)."""

    chain_id: int
    timestamp: int
    allocations: Mapping[str, int]


class Journal:
    """An SQLite file; what `append` returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. A second process on the same file is refused (sqlite3.OperationalError)."""
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        # FULL: an answered transaction must survive a power cut. EXCLUSIVE: two chains on one file would fork it.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

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

    def append(self, number: int, timestamp: int, raw_transaction: bytes) -> None:
        """Make a block durable."""
        self._connection.execute("INSERT INTO block VALUES (?, ?, ?)", (number, timestamp, raw_transaction))

    def blocks(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield number, timestamp and raw transaction of every block in order."""
        yield from self._connection.execute("SELECT number, timestamp, raw_transaction FROM block ORDER BY number")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _texts(allocations: Mapping[str, int]) -> dict[str, str]:
    return {address: str(wei) for address, wei in sorted(allocations.items())}
