"""Applies schema steps. Replaces Tortoise's own loop, which records a step outside the transaction that applied it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from tortoise.migrations.executor import MigrationExecutor, MigrationTarget, PlanStep
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import SqliteSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.transactions import in_transaction

from hub.platform.remade_tables import KeepsWhatHangsOnTables
from hub.platform.schema_constraints import ConstraintsOnCreate, PostgresEditor
from hub.platform.transactions import forbid_transaction


class MigrationFailed(RuntimeError):
    """The schema could not be brought up to date; nothing of the failing step was kept."""


class _StrictRecorder(MigrationRecorder):
    """Tortoise's answers "nothing was applied" when the question fails, and would then apply everything again."""

    async def applied_migrations(self) -> list[MigrationKey]:
        _, rows = await self.connection.execute_query(f'SELECT app, name FROM "{self.table_name}"')  # noqa: S608
        return [MigrationKey(app_label=row["app"], name=row["name"]) for row in rows]


async def migrate(
    client: Any, apps: dict[str, dict[str, object]], targets: Sequence[MigrationTarget] | None = None
) -> None:
    """Apply every step that this database has not seen, or only those up to the targets.

    Raises MigrationFailed when rows lost their parents.
    """
    forbid_transaction("a migration")
    executor = MigrationExecutor(client, apps)
    executor.recorder = executor.loader.recorder = _StrictRecorder(client)
    await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
    plan = await executor.plan(targets)
    if not plan:
        return
    await _with_foreign_keys_off(client, executor, plan)


async def _with_foreign_keys_off(client: Any, executor: MigrationExecutor, plan: list[PlanStep]) -> None:
    """SQLite alters a table by copying and dropping it; with foreign keys on, the drop would delete the children's
    rows.
    """
    if client.capabilities.dialect != "sqlite":
        await _apply_all(executor, plan)
        return
    await client.execute_query("PRAGMA foreign_keys=OFF")
    try:
        await _apply_all(executor, plan)
    finally:
        await client.execute_query("PRAGMA foreign_keys=ON")


async def _apply_all(executor: MigrationExecutor, plan: list[PlanStep]) -> None:
    applied = set(await executor.recorder.applied_migrations())
    state = await executor._project_state(applied)
    for step in plan:
        await _apply(executor, step, state)


async def _apply(executor: MigrationExecutor, step: PlanStep, state: State) -> None:
    async with in_transaction() as client:
        editor = _editor(client)
        editor.client = client
        await step.migration.apply(state, dry_run=False, schema_editor=editor)
        await _check_parents(client, step)
        await MigrationRecorder(client).record_applied(step.migration.app_label, step.migration.name)


def _editor(client: Any) -> Any:
    if client.capabilities.dialect == "sqlite":
        return _SqliteEditor(client, atomic=True)
    return PostgresEditor(client, atomic=True)


class _SqliteEditor(KeepsWhatHangsOnTables, ConstraintsOnCreate, SqliteSchemaEditor):
    """Tortoise's splits scripts at every semicolon, also inside comments and triggers."""

    async def _run_sql(self, sql: str) -> None:
        for statement in split_statements(sql):
            await self.client.execute_query(statement)


def split_statements(script: str) -> list[str]:
    """The statements of an SQLite script; semicolons in comments, strings and trigger bodies do not split it."""
    statements, open_part = [], ""
    for part in f"{script};".split(";")[:-1]:
        open_part += part + ";"
        if sqlite3.complete_statement(open_part):
            statements.append(open_part.strip())
            open_part = ""
    return [statement for statement in statements if statement != ";"]


async def _check_parents(client: Any, step: PlanStep) -> None:
    """What SQLite would have checked at commit, had its foreign keys been on."""
    if client.capabilities.dialect != "sqlite":
        return
    _, orphans = await client.execute_query("PRAGMA foreign_key_check")
    if orphans:
        step_name = f"{step.migration.app_label}.{step.migration.name}"
        raise MigrationFailed(f"{step_name} leaves {len(orphans)} rows without their parents")
