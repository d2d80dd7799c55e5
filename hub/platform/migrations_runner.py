"""Applies schema steps. Replaces Tortoise's own loop, which records a step outside the transaction that applied it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from tortoise.migrations.executor import MigrationExecutor, MigrationTarget, PlanStep
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterModelOptions,
    CreateModel,
    RunSQL,
)
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import SqliteSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.transactions import in_transaction

from hub.platform.remade_tables import KeepsWhatHangsOnTables
from hub.platform.schema_constraints import ConstraintsOnCreate, PostgresEditor
from hub.platform.transactions import forbid_transaction

LOOK_FORWARD = (AddConstraint, AddField, AddIndex, AlterModelOptions, CreateModel, RunSQL)
"""Operations that never ask what the schema was before them."""


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
    state = await _state_of(executor)
    for step in plan:
        await _apply(step, state)


class _StateApps(StateApps):
    """Tortoise's prepares every model for queries again after each operation; only models made anew need it."""

    def __init__(self, default_connections: dict[str, str] | None = None, connections: Any = None) -> None:
        super().__init__(default_connections, connections)
        self._prepared: set[type] = set()

    def _build_initial_querysets(self) -> None:
        everything = self.apps
        self.apps = {label: self._unprepared(models) for label, models in everything.items()}
        super()._build_initial_querysets()
        self._prepared = {model for models in everything.values() for model in models.values() if model._meta._inited}
        self.apps = everything

    def _unprepared(self, models: dict[str, Any]) -> dict[str, Any]:
        return {name: model for name, model in models.items() if model not in self._prepared}


async def _state_of(executor: MigrationExecutor) -> State:
    """The models as the steps that this database has seen left them."""
    connections = {
        label: str(app.get("default_connection", "default")) for label, app in executor.loader.apps_config.items()
    }
    state = State(models={}, apps=_StateApps(default_connections=connections))
    applied = set(await executor.recorder.applied_migrations())
    for key in executor._full_plan():
        migration = executor.loader.graph.nodes[key]
        if key in applied and migration is not None:
            await migration.apply(state, dry_run=True)
    return state


async def _apply(step: PlanStep, state: State) -> None:
    async with in_transaction() as client:
        editor = _editor(client)
        editor.client = client
        await _run(step.migration, state, editor)
        await _check_parents(client, step)
        await MigrationRecorder(client).record_applied(step.migration.app_label, step.migration.name)


async def _run(migration: Migration, state: State, editor: Any) -> None:
    """As `Migration.apply`, but the state is copied only for operations that look back: a copy makes every model of
    the hub anew, and one for each operation was most of the time that a start on an empty database took.
    """
    for operation in migration.operations:
        before = state if isinstance(operation, LOOK_FORWARD) else state.clone()
        operation.state_forward(migration.app_label, state)
        await operation.database_forward(migration.app_label, before, state, editor)
    state.validate_relations_initialized()


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
