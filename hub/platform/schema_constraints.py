"""Makes a new table carry its model's CHECK and conditional UNIQUE constraints.

Tortoise 1.1.9 writes them for a later AddConstraint only: CreateModel drops them without a word, and an invariant that
the store declares would not be in the database at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor
from tortoise.models import Model


class ConstraintsOnCreate:
    """Mixin over a Tortoise schema editor."""

    _creating: type[Model]

    def _get_model_sql_data(self, model: type[Model]) -> Any:
        self._creating = model
        return super()._get_model_sql_data(model)  # type: ignore[misc]

    def _get_inner_statements(self) -> list[str]:
        checks = [f'CONSTRAINT "{check.name}" CHECK ({check.check})' for check in _of(self._creating, CheckConstraint)]
        return [*super()._get_inner_statements(), *checks]  # type: ignore[misc]

    async def create_model(self, model: type[Model]) -> None:
        """The table, then an index per unique constraint (both databases know a condition on an index)."""
        await super().create_model(model)  # type: ignore[misc]
        for unique in _of(model, UniqueConstraint):
            columns = ", ".join(model._meta.fields_db_projection[name] for name in unique.fields)
            where = f" WHERE {unique.condition}" if unique.condition else ""
            sql = f'CREATE UNIQUE INDEX "{unique.name}" ON "{model._meta.db_table}" ({columns}){where}'
            await self._run_sql(sql)  # type: ignore[attr-defined]


class PostgresEditor(ConstraintsOnCreate, AsyncpgSchemaEditor):
    """PostgreSQL's."""


def _of(model: type[Model], kind: type[Any]) -> Iterator[Any]:
    return (constraint for constraint in model._meta.constraints if isinstance(constraint, kind))
