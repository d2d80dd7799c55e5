"""Raw SQLite for baselines: the hub's durability and the hub's tables, and nothing else of the hub."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def durable(path: Path) -> sqlite3.Connection:
    """A database that waits for the disk at each commit, as `hub/platform/database.py` sets it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def copy_tables(raw: sqlite3.Connection, hub: Path, *tables: str) -> None:
    """Make these tables of a hub's database with all their indexes; they stay empty."""
    with closing(_reader(hub)) as reader:
        for table in tables:
            sql = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"
            for (statement,) in reader.execute(sql, (table,)):
                raw.execute(statement)


def one_row(hub: Path, table: str, column: str, value: str) -> Row:
    """One row of a hub's database. Raises LookupError when there is none."""
    with closing(_reader(hub)) as reader:
        reader.row_factory = sqlite3.Row
        row = reader.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,)).fetchone()  # noqa: S608  constants
    if row is None:
        raise LookupError(f"{table} holds no row with this {column}")
    return dict(row)


def insert(raw: sqlite3.Connection, table: str, row: Row) -> None:
    """Insert a row."""
    marks = ", ".join("?" * len(row))
    raw.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608  constants


def _reader(hub: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{hub}?mode=ro", uri=True)
