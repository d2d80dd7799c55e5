"""Schema steps on filled tables, on both databases."""

from __future__ import annotations

import pytest
from tortoise import fields
from tortoise.migrations.executor import MigrationTarget
from tortoise.migrations.operations import CreateModel
from tortoise.models import Model

from hub.platform import migrations_runner
from hub.platform.database import Database
from hub.platform.domains import hub_packages
from hub.platform.fields import UtcDatetimeField
from hub.platform.make_migration import keep_own_numbers, pending_changes
from hub.platform.migrations_runner import split_statements
from hub.platform.model_rules import ModelRuleBroken, check_models
from tests.support.databases import DatabaseMaker

SAMPLE = ["tests.support.sample_domain"]


async def _at_first_step(maker: DatabaseMaker) -> Database:
    database = Database(await maker.empty_url(), SAMPLE)
    await database.open()
    await migrations_runner.migrate(
        database._client(), database._apps, [MigrationTarget("sample_domain", "0001_initial")]
    )
    await database.execute("INSERT INTO sample_parent (id, name) VALUES ($1, $2)", 1, "one")
    await database.execute_many("INSERT INTO sample_child (id, parent_id) VALUES ($1, $2)", [(1, 1), (2, 1)])
    return database


async def test_altering_a_parent_keeps_its_children(database_maker: DatabaseMaker) -> None:
    database = await _at_first_step(database_maker)
    try:
        await database.migrate()
        assert await database.fetch("SELECT id, name, rank FROM sample_parent") == [{"id": 1, "name": "one", "rank": 7}]
        assert len(await database.fetch("SELECT id FROM sample_child")) == 2
        await database.execute("DELETE FROM sample_parent WHERE id = $1", 1)
        assert await database.fetch("SELECT id FROM sample_child") == [], "foreign keys are on again"
    finally:
        await database.close()


async def test_a_broken_step_leaves_nothing_and_can_be_repeated(database_maker: DatabaseMaker) -> None:
    database = await _at_first_step(database_maker)
    try:
        for position in range(1, 60):
            if not await _migrate_broken_at(database, position):
                break
        assert position > 6, "several statements were broken before one round went through"
        assert len(await database.fetch("SELECT id FROM sample_child")) == 2
        assert await database.fetch("SELECT rank FROM sample_parent") == [{"rank": 7}]
    finally:
        await database.close()


async def _migrate_broken_at(database: Database, position: int) -> bool:
    seen = 0

    def listener(sql: str) -> None:
        nonlocal seen
        seen += 1
        if seen == position and not sql.startswith("PRAGMA foreign_keys=ON"):
            raise ConnectionError(sql)

    database.on_statement = listener
    try:
        await database.migrate()
    except ConnectionError:
        return True
    finally:
        database.on_statement = None
    return seen >= position


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    statements: list[str] = []
    database.on_statement = statements.append
    await database.migrate()
    assert not [sql for sql in statements if sql.startswith(("CREATE TABLE ", "ALTER")) and "IF NOT EXISTS" not in sql]


@pytest.mark.parametrize("package", hub_packages())
async def test_every_model_change_has_its_migration(package: str) -> None:
    detector = await pending_changes([package])
    assert [writer.name for writer in await detector.changes()] == []


def test_scripts_are_split_where_sqlite_would() -> None:
    trigger = "CREATE TRIGGER t BEFORE DELETE ON a BEGIN SELECT RAISE(ABORT, 'no; never'); END"
    assert split_statements(f"CREATE TABLE a (x) /* one; two */;\n{trigger};") == [
        "CREATE TABLE a (x) /* one; two */;",
        f"{trigger};",
    ]
    assert split_statements("SELECT 1") == ["SELECT 1;"]


class _WrongTime(Model):
    at = fields.DatetimeField()

    class Meta:
        table = "wrong_time"


class _WrongMoney(Model):
    amount_fen = fields.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        table = "wrong_money"


class _WrongRate(Model):
    rate = fields.FloatField()

    class Meta:
        table = "wrong_rate"


@pytest.mark.parametrize("model", [_WrongTime, _WrongMoney, _WrongRate])
def test_models_that_lose_time_or_money_are_refused(model: type[Model]) -> None:
    with pytest.raises(ModelRuleBroken, match=model.__name__):
        check_models({"wrong": {model.__name__: model}})  # type: ignore[arg-type]


def test_a_time_column_never_reads_the_real_clock() -> None:
    with pytest.raises(ValueError, match="clock"):
        UtcDatetimeField(auto_now=True)


class _OwnNumber(Model):
    number = fields.BigIntField(primary_key=True, generated=False)

    class Meta:
        table = "own_number"


def test_keys_that_we_number_ourselves_are_declared_so() -> None:
    number = _OwnNumber._meta.fields_map["number"]
    operation = CreateModel(name="OwnNumber", fields=[("number", number)], options={}, bases=["Model"])
    written = (
        "('number', fields.BigIntField(primary_key=True)), ('id', fields.IntField(generated=True, primary_key=True))"
    )
    assert keep_own_numbers(written, [operation]) == (
        "('number', fields.BigIntField(generated=False, primary_key=True)),"
        " ('id', fields.IntField(generated=True, primary_key=True))"
    )


async def test_altering_a_table_keeps_its_indexes_and_what_is_unique() -> None:
    """SQLite alters by copying; the receivables were altered after they had both."""
    database = Database("sqlite://:memory:", ["hub.receivables"])
    await database.open()
    try:
        await database.migrate()
        indexes = await database.fetch("PRAGMA index_list('receivables_receivable')")
        found = {
            (
                bool(index["unique"]),
                *[row["name"] for row in await database.fetch(f"PRAGMA index_info('{index['name']}')")],
            )
            for index in indexes
        }
        assert {
            (True, "buyer_uscc", "invoice_document_id"),
            (True, "invoice_key"),
            (False, "buyer_uscc", "created_at", "receivable_id"),
            (False, "supplier_uscc", "created_at", "receivable_id"),
            (False, "state", "due_date"),
        } <= found
    finally:
        await database.close()
