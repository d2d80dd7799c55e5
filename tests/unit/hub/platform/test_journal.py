"""SQLite writes its journal over after a checkpoint: a file that is cut off and grows again makes commits wait."""

from __future__ import annotations

from pathlib import Path

from hub.platform.database import Database

PAGES = 300
"""In a transaction; SQLite makes a checkpoint after 1,000."""


async def test_the_journal_keeps_its_size(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    database = Database(f"sqlite://{file}")
    await database.open()
    await database.execute("CREATE TABLE filler (page BLOB)")
    sizes = []
    for _ in range(8):
        async with database.transaction():
            await database.execute_many("INSERT INTO filler (page) VALUES ($1)", [[bytes(4_000)]] * PAGES)
        sizes.append(file.with_name("hub.sqlite-wal").stat().st_size)
    await database.close()
    assert sizes == sorted(sizes), "never cut off"
    assert sizes[-1] < 2 * 1_000 * 4_096, "and there were checkpoints"
