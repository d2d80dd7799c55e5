"""What is in the tables, to see that nothing changed."""

from __future__ import annotations

from hub.platform.database import Database


async def dump(database: Database, *tables: str) -> dict[str, list[str]]:
    """Every row of these tables as text, in a stable order."""
    return {table: sorted(str(row) for row in await database.fetch(f"SELECT * FROM {table}")) for table in tables}
