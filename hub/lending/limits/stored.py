"""SQL of limits. Each change is one statement with its condition, so that racing writers queue on the row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.lending.store import GroupMemberRow, LimitHoldRow, LimitRow, LimitUseRow
from hub.platform.database import Database


@dataclass(frozen=True)
class Use:
    """What a reference holds, in fen, of each of these limits."""

    reference: str
    limit_ids: tuple[str, ...]
    buyer_uscc: str | None
    blocked_fen: int
    utilised_fen: int


@dataclass(frozen=True)
class LimitExposure:
    """A limit over many loans, and the largest that one application or loan holds of it, in fen."""

    limit_id: str
    dimension: str
    limit_fen: int
    blocked_fen: int
    utilised_fen: int
    largest_fen: int


_FIND_USE = (
    "SELECT u.limit_id, u.buyer_uscc, u.blocked_fen, u.utilised_fen, h.limit_id AS shared_id"
    " FROM lending_limit_use u LEFT JOIN lending_limit_hold h ON h.reference = u.reference WHERE u.reference = $1"
)


async def find(limit_id: str) -> LimitRow | None:
    """The limit, or None."""
    return await LimitRow.get_or_none(limit_id=limit_id)


async def add(limit_id: str, dimension: str, limit_fen: int) -> None:
    """A new limit with nothing used."""
    await LimitRow.create(limit_id=limit_id, dimension=dimension, limit_fen=limit_fen, blocked_fen=0, utilised_fen=0)


async def dimensions(database: Database, limit_ids: Collection[str]) -> dict[str, str]:
    """What each of these limits limits."""
    rows = await database.fetch_in("SELECT limit_id, dimension FROM lending_limit WHERE limit_id IN $in", limit_ids)
    return {row["limit_id"]: row["dimension"] for row in rows}


async def set_amount(database: Database, limit_id: str, limit_fen: int) -> bool:
    """Changes a limit; False when more than that is in use."""
    sql = "UPDATE lending_limit SET limit_fen = $1 WHERE limit_id = $2 AND blocked_fen + utilised_fen <= $3"
    return await database.execute(sql, limit_fen, limit_id, limit_fen) == 1


async def take(database: Database, limit_id: str, blocked_fen: int, utilised_fen: int) -> tuple[int, int] | None:
    """Adds to what is blocked and utilised: the limit and what is used of it now, None when that would exceed it."""
    sql = (
        "UPDATE lending_limit SET blocked_fen = blocked_fen + $1, utilised_fen = utilised_fen + $2"
        " WHERE limit_id = $3 AND blocked_fen + utilised_fen + $4 <= limit_fen"
        " RETURNING limit_fen, blocked_fen + utilised_fen AS used_fen"
    )
    rows = await database.fetch(sql, blocked_fen, utilised_fen, limit_id, blocked_fen + utilised_fen)
    return (int(rows[0]["limit_fen"]), int(rows[0]["used_fen"])) if rows else None


async def find_use(database: Database, reference: str) -> Use | None:
    """What a reference holds, or None."""
    rows = await database.fetch(_FIND_USE, reference)
    if not rows:
        return None
    use, shared = rows[0], [row["shared_id"] for row in rows if row["shared_id"] is not None]
    limit_ids = (use["limit_id"], *shared)
    return Use(reference, limit_ids, use["buyer_uscc"], use["blocked_fen"], use["utilised_fen"])


async def add_use(reference: str, limit_id: str, shared: Sequence[str], buyer_uscc: str | None) -> Use:
    """A reference that holds nothing yet of its own limit and of the shared ones."""
    row = await LimitUseRow.create(
        reference=reference, limit_id=limit_id, buyer_uscc=buyer_uscc, blocked_fen=0, utilised_fen=0
    )
    for each in shared:
        await LimitHoldRow.create(reference=reference, limit_id=each)
    return _use(row, shared)


async def change_use(database: Database, reference: str, blocked_fen: int, utilised_fen: int) -> None:
    """Adds to what a reference holds; its CHECK refuses to give back more than it has."""
    sql = (
        "UPDATE lending_limit_use SET blocked_fen = blocked_fen + $1, utilised_fen = utilised_fen + $2"
        " WHERE reference = $3"
    )
    await database.execute(sql, blocked_fen, utilised_fen, reference)


async def uses_of_buyer(buyer_uscc: str) -> list[Use]:
    """Everything that counts, or can count again, against a core enterprise, by reference."""
    rows = await LimitUseRow.filter(buyer_uscc=buyer_uscc).order_by("reference")
    holds = await LimitHoldRow.filter(reference__in=[row.reference for row in rows])
    return [_use(row, [hold.limit_id for hold in holds if hold.reference == row.reference]) for row in rows]


async def move_holds(references: Sequence[str], left: str | None, joined: str | None) -> None:
    """These references hold `joined` in the place of `left` from now on."""
    if left is not None:
        await LimitHoldRow.filter(reference__in=list(references), limit_id=left).delete()
    if joined is not None:
        await LimitHoldRow.bulk_create([LimitHoldRow(reference=each, limit_id=joined) for each in references])


async def group_of(uscc: str) -> str | None:
    """The group that an enterprise belongs to, or None."""
    row = await GroupMemberRow.get_or_none(uscc=uscc)
    return None if row is None else row.group_id


async def set_group(uscc: str, group_id: str | None, since: datetime) -> None:
    """Writes or takes away a membership."""
    if group_id is None:
        await GroupMemberRow.filter(uscc=uscc).delete()
    else:
        await GroupMemberRow.update_or_create(uscc=uscc, defaults={"group_id": group_id, "since": since})


async def exposures(database: Database) -> list[LimitExposure]:
    """Every limit over many loans, by dimension and id: one statement, so one moment."""
    rows = await database.fetch(
        "SELECT l.limit_id, l.dimension, l.limit_fen, l.blocked_fen, l.utilised_fen,"
        " COALESCE(m.largest, 0) AS largest_fen FROM lending_limit l LEFT JOIN ("
        " SELECT h.limit_id, MAX(u.blocked_fen + u.utilised_fen) AS largest FROM lending_limit_hold h"
        " JOIN lending_limit_use u ON u.reference = h.reference GROUP BY h.limit_id) m ON m.limit_id = l.limit_id"
        " WHERE l.dimension <> 'PARTY' ORDER BY l.dimension, l.limit_id"
    )
    return [LimitExposure(**{name: row[name] for name in LimitExposure.__dataclass_fields__}) for row in rows]


def _use(row: LimitUseRow, shared: Sequence[str]) -> Use:
    limit_ids = (row.limit_id, *shared)
    return Use(row.reference, limit_ids, row.buyer_uscc, row.blocked_fen, row.utilised_fen)
