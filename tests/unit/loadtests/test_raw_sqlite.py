"""The baselines' database: as durable as the hub's, with the hub's tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub.platform.database import Database
from loadtests.bench.raw_sqlite import copy_tables, durable, insert, one_row

ROW = {
    "id": 7,
    "record_id": "certificate-accepted:1",
    "subject": None,
    "commitment": b"\x01" * 32,
    "body": b"{}",
    "leaf_index": None,
    "chain_sequence": None,
    "written_at": "2026-03-02 02:00:00+00:00",
}
SETTINGS = ("journal_mode", "synchronous", "foreign_keys")


@pytest.fixture
async def hub(tmp_path: Path) -> Path:
    path = tmp_path / "hub.sqlite"
    database = Database(f"sqlite://{path}")
    await database.open()
    await database.migrate()
    await database.close()
    return path


async def test_it_waits_for_the_disk_as_the_hub_does(hub: Path, tmp_path: Path) -> None:
    database = Database(f"sqlite://{hub}")
    await database.open()
    ours = [(await database.fetch(f"PRAGMA {name}"))[0][name] for name in SETTINGS]
    await database.close()
    raw = durable(tmp_path / "raw.sqlite")
    assert [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS] == ours
    raw.close()


def test_tables_are_copied_with_their_indexes_and_rows_fit(hub: Path, tmp_path: Path) -> None:
    raw = durable(tmp_path / "raw.sqlite")
    copy_tables(raw, hub, "ledger_leaf")
    insert(raw, "ledger_leaf", ROW)
    with pytest.raises(sqlite3.IntegrityError):
        insert(raw, "ledger_leaf", {**ROW, "id": 8})
    raw.close()
    assert one_row(tmp_path / "raw.sqlite", "ledger_leaf", "record_id", ROW["record_id"]) == ROW


def test_a_missing_row_is_an_error(hub: Path) -> None:
    with pytest.raises(LookupError, match="ledger_leaf"):
        one_row(hub, "ledger_leaf", "record_id", "nothing")
