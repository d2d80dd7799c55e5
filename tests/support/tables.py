"""What is in the tables, to see that nothing changed."""

from __future__ import annotations

from collections.abc import Collection

from hub.platform.database import Database

NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}


async def dump(database: Database, *tables: str) -> dict[str, list[str]]:
    """Every row of these tables as text, in a stable order."""
    return {table: sorted(str(row) for row in await database.fetch(f"SELECT * FROM {table}")) for table in tables}


async def everything(database: Database, *, but: Collection[str] = ()) -> dict[str, list[str]]:
    """Every row of every table but these, as text, in a stable order; tables without rows are left out."""
    names = [row["name"] for row in await database.fetch(NAMES[database.dialect])]
    asked = [f"SELECT '{name}' AS name WHERE EXISTS (SELECT 1 FROM {name})" for name in sorted(set(names) - set(but))]
    filled = await database.fetch(" UNION ALL ".join(asked))
    return await dump(database, *(row["name"] for row in filled))
