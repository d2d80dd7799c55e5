"""A use case's own SQL, run raw: every statement that it sent to PostgreSQL, with its values, under ever new ids.

So a baseline leaves nothing out and adds nothing: the same reads, locks and writes in the same transactions, without
the code between them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_METHODS = ("execute", "executemany", "fetch", "fetchrow")
_LOCK = "pg_advisory_xact_lock"
_CLEAN = "pg_advisory_unlock_all"
"""What asyncpg's pool sends before a connection goes back: the pool's, not the use case's."""


@dataclass(frozen=True)
class Statement:
    """One statement as it was sent: asyncpg's method, the text, the values."""

    method: str
    sql: str
    values: tuple[Any, ...]

    async def run(self, connection: Connection, names: Mapping[str, str], number: int) -> None:
        """Sends it again with other ids. Locks are taken under names of this replay, as other ids would be."""
        if _LOCK in self.sql:
            values: Sequence[Any] = _moved(self.values, number)
        else:
            values = [_renamed(value, names) for value in self.values]
        await getattr(connection, self.method)(self.sql, *values)


class Template:
    """The statements of one use case. `names` are the ids in them that each replay replaces."""

    def __init__(self, statements: Sequence[Statement], names: Sequence[str]) -> None:
        self.statements, self._names = statements, names

    async def replay(self, connection: Connection, number: int, *fresh: str) -> None:
        """Once more, with these ids in the places of `names`."""
        names = dict(zip(self._names, fresh, strict=True))
        for statement in self.statements:
            await statement.run(connection, names, number)


async def recorded(use_case: Callable[[], Awaitable[object]], names: Sequence[str]) -> Template:
    """Runs a use case, alone, and keeps what it sends."""
    statements: list[Statement] = []
    with _listening(statements):
        await use_case()
    return Template([one for one in statements if _CLEAN not in one.sql], names)


@contextmanager
def _listening(statements: list[Statement]) -> Iterator[None]:
    def wrapped(name: str) -> Callable[..., Awaitable[Any]]:
        real = getattr(asyncpg.Connection, name)

        async def send(connection: Connection, sql: str, *values: Any, **rest: Any) -> Any:
            statements.append(Statement(name, sql, values))
            return await real(connection, sql, *values, **rest)

        return send

    with ExitStack() as stack:
        for name in _METHODS:
            stack.enter_context(patch.object(asyncpg.Connection, name, wrapped(name)))
        yield


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, bytes):
        for old, new in names.items():
            value = value.replace(old.encode(), new.encode())
        return value
    if isinstance(value, list | tuple):
        return type(value)(_renamed(one, names) for one in value)
    return value


def _moved(value: Any, number: int) -> Any:
    """Lock numbers, each moved by the same step: another name, and as many of them."""
    if isinstance(value, int):
        return (value ^ (number + 1) << 20) & 0x7FFFFFFFFFFFFFFF
    return type(value)(_moved(one, number) for one in value)


async def cloned(
    connection: Connection, table: str, condition: str, names: Sequence[tuple[str, str]], count: int, first: int = 0
) -> None:
    """Copies the rows of a table that a condition selects, `count` times: `names` are (old text, new prefix), and each
    copy bears the prefix and its number. An `id` that the database makes is made anew.
    """
    text = "to_jsonb(x)::text"
    for old, prefix in names:
        text = f"replace({text}, '{old}', '{prefix}' || lpad((g + {first})::text, 6, '0'))"
    fields = (
        await connection.fetch("SELECT pg_get_serial_sequence($1, 'id') AS name", table)
        if await _has_id(connection, table)
        else []
    )
    again = f" || jsonb_build_object('id', nextval('{fields[0]['name']}'))" if fields and fields[0]["name"] else ""
    sql = (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, ({text})::jsonb{again})).*"  # noqa: S608  constants
        f" FROM {table} x, generate_series(0, $1::int - 1) g WHERE {condition}"
    )
    await connection.execute(sql, count)


async def _has_id(connection: Connection, table: str) -> bool:
    found = await connection.fetchval(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = $1 AND column_name = 'id'"
        " AND column_default LIKE 'nextval%'",
        table,
    )
    return bool(found)
