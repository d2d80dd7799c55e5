"""Triggers by which the database itself refuses to change or delete a row; for a migration's RunPython."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

RefuseChanges = Callable[[Any, Any], Coroutine[Any, Any, None]]

_FUNCTION = (
    "CREATE OR REPLACE FUNCTION platform_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = '23000'; END $$"
)


def rows_never_change(*tables: str) -> RefuseChanges:
    """The code of a migration step that makes rows of these tables permanent once they are written."""

    async def apply(_apps: Any, schema_editor: Any) -> None:
        client = schema_editor.client
        statements = _sqlite if client.capabilities.dialect == "sqlite" else _postgres
        for statement in statements(tables):
            await client.execute_query(statement)

    return apply


def _sqlite(tables: tuple[str, ...]) -> Iterator[str]:
    for table in tables:
        for action in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is immutable'); END"
            )


def _postgres(tables: tuple[str, ...]) -> Iterator[str]:
    yield _FUNCTION
    for table in tables:
        yield (
            f"CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change()"
        )
