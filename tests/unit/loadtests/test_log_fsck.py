"""The figure about fsck is of a real log with records that fsck compares, every one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.ledger.log.store import LeafRow
from hub.platform.database import Database
from loadtests.bench.log_fsck import PACKAGES, build, check, described


async def test_a_built_log_is_clean_and_a_damaged_one_is_no_figure(tmp_path: Path) -> None:
    path = tmp_path / "hub.sqlite"
    await build(1_500, path)
    found = await check(path)
    assert found.records == 1_500
    assert "1,500 records" in described(found)
    database = Database(f"sqlite://{path}", PACKAGES)
    await database.open()
    await LeafRow.filter(leaf_index=7).update(commitment=bytes(32))
    await database.close()
    with pytest.raises(RuntimeError, match="NOT CLEAN"):
        await check(path)
