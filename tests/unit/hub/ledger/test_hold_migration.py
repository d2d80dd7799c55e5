"""The schema step to batches, on a filled table: a hold of before keeps its lock and can be released."""

from __future__ import annotations

import pytest
from tortoise.migrations.executor import MigrationTarget

from hub.ledger.store import HoldRow
from hub.platform import migrations_runner
from hub.platform.database import Database
from tests.support.databases import DatabaseMaker

PACKAGES = ["hub.platform", "hub.ledger"]


@pytest.mark.parametrize("attempts", [0, 3])
async def test_a_hold_of_before_is_in_no_transaction(database_maker: DatabaseMaker, attempts: int) -> None:
    database = Database(await database_maker.empty_url(), PACKAGES)
    await database.open()
    try:
        before = [MigrationTarget("ledger", "0007_lease_wanted")]
        await migrations_runner.migrate(database._client(), database._apps, before)
        sql = "INSERT INTO ledger_hold (id, fingerprints, salt, state, attempts) VALUES ($1, $2, $3, $4, $5)"
        await database.execute(sql, "a" * 64, bytes(64), bytes(32), "WANTED", attempts)
        await database.migrate()
        hold = await HoldRow.get(id="a" * 64)
        assert (hold.deed, hold.state, bytes(hold.fingerprints)) == ("", "WANTED", bytes(64))
    finally:
        await database.close()
