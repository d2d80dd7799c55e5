"""Keeps what Tortoise 1.1.9 forgets when it alters a table on SQLite: by copying it, it loses every index, every
UNIQUE over several columns and every trigger, without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Uniqueness:
    """A UNIQUE that the table itself declared; it has no statement of its own."""

    columns: tuple[str, ...]

    def statement(self, table: str) -> str:
        name = "_".join(("uid", table, *self.columns))
        listed = ", ".join(f'"{column}"' for column in self.columns)
        return f'CREATE UNIQUE INDEX "{name}" ON "{table}" ({listed})'


class KeepsWhatHangsOnTables:
    """Mixin over Tortoise's SQLite schema editor."""

    client: Any

    async def _remake_table(
        self, model: Any, create_field: Any = None, delete_field: Any = None, alter_fields: Any = None
    ) -> None:
        """As Tortoise, then everything that hung on the table and still has its columns."""
        table = model._meta.db_table
        statements, unique = await self._hanging(table), await self._declared_unique(table)
        await super()._remake_table(model, create_field, delete_field, alter_fields)  # type: ignore[misc]
        left = await self._declared_unique(table)
        columns = await self._columns(table)
        lost = [item for item in unique if item not in left and columns.issuperset(item.columns)]
        for statement in [*statements, *(item.statement(table) for item in lost)]:
            await self.client.execute_query(statement)

    async def _hanging(self, table: str) -> list[str]:
        sql = (
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
            " ORDER BY rowid"
        )
        _, rows = await self.client.execute_query(sql, [table])
        return [row["sql"] for row in rows]

    async def _declared_unique(self, table: str) -> list[_Uniqueness]:
        _, indexes = await self.client.execute_query(f'PRAGMA index_list("{table}")')
        found = []
        for index in indexes:
            if index["origin"] == "u":
                _, columns = await self.client.execute_query(f'PRAGMA index_info("{index["name"]}")')
                found.append(_Uniqueness(tuple(column["name"] for column in columns)))
        return found

    async def _columns(self, table: str) -> set[str]:
        _, rows = await self.client.execute_query(f'PRAGMA table_info("{table}")')
        return {row["name"] for row in rows}
