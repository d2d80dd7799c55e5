"""Statements that were recorded are sent again, under other ids and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg

from loadtests.bench.raw_postgres import cloned, recorded
from tests.support.postgres import PostgresServer


async def test_a_use_case_is_replayed_under_other_ids(postgres: Callable[[], PostgresServer]) -> None:
    connection = await asyncpg.connect(postgres().url("postgres"))
    try:
        await connection.execute("CREATE TEMP TABLE raw_thing (id bigserial, name text, amount bigint, body bytea)")

        async def use_case() -> None:
            async with connection.transaction():
                await connection.fetch("SELECT pg_advisory_xact_lock($1)", 7)
                await connection.execute(
                    "INSERT INTO raw_thing (name, amount, body) VALUES ($1, $2, $3)", "a", 5, b"<a>"
                )

        template = await recorded(use_case, ["a"])
        assert [one.sql.split()[0] for one in template.statements] == ["BEGIN;", "SELECT", "INSERT", "COMMIT;"]
        await template.replay(connection, 1, "b")
        await cloned(connection, "raw_thing", "name = 'b'", [("b", "c-")], 2)
        rows = await connection.fetch("SELECT name, amount, body FROM raw_thing ORDER BY id")
        assert [(row["name"], row["amount"]) for row in rows] == [("a", 5), ("b", 5), ("c-000000", 5), ("c-000001", 5)]
        assert rows[1]["body"] == b"<b>"
    finally:
        await connection.close()
