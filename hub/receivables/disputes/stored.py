"""Statements on disputes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hub.receivables.disputes.store import DisputeRow


@dataclass(frozen=True, slots=True)
class Dispute:
    """What a buyer said; open until somebody ended it."""

    dispute_id: str
    ground: str
    statement: str
    disputed_at: dt.datetime
    ended_at: dt.datetime | None
    ended_by: str | None


async def add(dispute_id: str, receivable_id: str, ground: str, statement: str, now: dt.datetime) -> None:
    """Write what the buyer said."""
    await DisputeRow.create(
        dispute_id=dispute_id, receivable_id=receivable_id, ground=ground, statement=statement, disputed_at=now
    )


async def of(receivable_id: str) -> list[Dispute]:
    """All disputes of a receivable, the oldest first."""
    rows = await DisputeRow.filter(receivable_id=receivable_id).order_by("disputed_at", "dispute_id")
    return [Dispute(**{name: getattr(row, name) for name in Dispute.__dataclass_fields__}) for row in rows]


async def end(receivable_id: str, by: str, now: dt.datetime) -> None:
    """Whoever ended it; a diluted receivable has no dispute to end."""
    await DisputeRow.filter(receivable_id=receivable_id, ended_at__isnull=True).update(ended_at=now, ended_by=by)
