"""SQL of limits. Each change is one statement with its condition, so that racing writers queue on the row."""

from __future__ import annotations

from hub.lending.store import LimitRow, LimitUseRow
from hub.platform.database import Database


async def find(limit_id: str) -> LimitRow | None:
    """The limit, or None."""
    return await LimitRow.get_or_none(limit_id=limit_id)


async def add(limit_id: str, limit_fen: int) -> None:
    """A new limit with nothing used."""
    await LimitRow.create(limit_id=limit_id, limit_fen=limit_fen, blocked_fen=0, utilised_fen=0)


async def set_amount(database: Database, limit_id: str, limit_fen: int) -> bool:
    """Changes a limit; False when more than that is in use."""
    sql = "UPDATE lending_limit SET limit_fen = $1 WHERE limit_id = $2 AND blocked_fen + utilised_fen <= $3"
    return await database.execute(sql, limit_fen, limit_id, limit_fen) == 1


async def take(database: Database, limit_id: str, blocked_fen: int, utilised_fen: int) -> bool:
    """Adds to what is blocked and utilised; False when that would exceed the limit."""
    sql = (
        "UPDATE lending_limit SET blocked_fen = blocked_fen + $1, utilised_fen = utilised_fen + $2"
        " WHERE limit_id = $3 AND blocked_fen + utilised_fen + $4 <= limit_fen"
    )
    return await database.execute(sql, blocked_fen, utilised_fen, limit_id, blocked_fen + utilised_fen) == 1


async def find_use(reference: str) -> LimitUseRow | None:
    """What a reference holds, or None."""
    return await LimitUseRow.get_or_none(reference=reference)


async def add_use(reference: str, limit_id: str) -> None:
    """A reference that holds nothing yet."""
    await LimitUseRow.create(reference=reference, limit_id=limit_id, blocked_fen=0, utilised_fen=0)


async def change_use(database: Database, reference: str, blocked_fen: int, utilised_fen: int) -> None:
    """Adds to what a reference holds; its CHECK refuses to give back more than it has."""
    sql = (
        "UPDATE lending_limit_use SET blocked_fen = blocked_fen + $1, utilised_fen = utilised_fen + $2"
        " WHERE reference = $3"
    )
    await database.execute(sql, blocked_fen, utilised_fen, reference)
