"""SQL of collection events."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from tortoise.expressions import Q

from hub.lending.loans.store import ClearingRow, CollectionEventRow
from hub.platform.paging import Page, after_token, page_of


@dataclass(frozen=True)
class Overdue:
    """A receivable whose buyer has not paid since the due date."""

    receivable_id: str
    buyer_uscc: str
    since: date


@dataclass(frozen=True)
class CollectionEvent:
    """One step of collection on one receivable, id "<receivable>:<step>". `note` says how it was resolved."""

    event_id: str
    receivable_id: str
    buyer_uscc: str
    step: str
    days_overdue: int
    raised_on: date
    resolved_at: datetime | None
    resolved_by: str
    note: str


async def overdue_receivables() -> list[Overdue]:
    """All that are overdue now."""
    rows = await ClearingRow.filter(overdue=True).order_by("receivable_id")
    return [Overdue(row.receivable_id, row.buyer_uscc, row.overdue_since) for row in rows]


async def steps_taken(receivable_ids: Collection[str]) -> set[str]:
    """Ids of the events of these receivables."""
    rows = await CollectionEventRow.filter(receivable_id__in=list(receivable_ids)).values_list("event_id", flat=True)
    return {str(row) for row in rows}


async def add(event: CollectionEvent, now: datetime) -> bool:
    """Writes an event; False when it is there already."""
    columns = {name: value for name, value in event.__dict__.items() if name != "event_id"}
    _, is_new = await CollectionEventRow.get_or_create(event_id=event.event_id, defaults={**columns, "created_at": now})
    return is_new


async def find(event_id: str) -> CollectionEvent | None:
    """One event, or None."""
    row = await CollectionEventRow.get_or_none(event_id=event_id)
    return None if row is None else _event(row)


async def resolve(event_id: str, resolved_by: str, note: str, now: datetime) -> bool:
    """Says how a step ended; False when that was said before."""
    open_one = CollectionEventRow.filter(event_id=event_id, resolved_at=None)
    return await open_one.update(resolved_at=now, resolved_by=resolved_by, note=note) == 1


async def page_of_events(receivable_id: str, size: int, token: str) -> Page[CollectionEvent]:
    """Events of one receivable, or of all for an empty id, newest first."""
    wanted = Q(receivable_id=receivable_id) if receivable_id else Q()
    rows = await CollectionEventRow.filter(wanted & after_token(token, CollectionEventRow, "event_id")).order_by(
        "-created_at", "-event_id"
    ).limit(size + 1)  # fmt: skip
    return page_of(rows, size, "event_id", _event)


def _event(row: CollectionEventRow) -> CollectionEvent:
    return CollectionEvent(**{name: getattr(row, name) for name in CollectionEvent.__dataclass_fields__})
