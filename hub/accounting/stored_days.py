"""SQL of day closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from hub.accounting.store import DayRow
from hub.platform.database import Database

CLOSING, CLOSED = "CLOSING", "CLOSED"


@dataclass(frozen=True)
class DayClose:
    """How far the close of a day came, see `store.DayRow`."""

    business_day: date
    state: str
    cursor: str
    batches: int
    loans: int
    accrued_fen: int
    debit_fen: int
    credit_fen: int
    started_at: datetime
    closed_at: datetime | None


async def last_day() -> date | None:
    """The last day that was closed or is being closed."""
    row = await DayRow.all().order_by("-business_day").first()
    return None if row is None else row.business_day


async def find(day: date) -> DayClose | None:
    """The close of a day, or None."""
    row = await DayRow.get_or_none(business_day=day)
    return None if row is None else _close(row)


async def add(database: Database, day: date, now: datetime) -> DayClose:
    """Begins a close. Whoever is writing journals finishes first: from now on nothing is booked on this day."""
    if database.dialect == "postgres":
        await database.fetch("LOCK TABLE accounting_journal IN SHARE MODE")
    return _close(
        await DayRow.create(
            business_day=day,
            state=CLOSING,
            cursor="",
            batches=0,
            loans=0,
            accrued_fen=0,
            debit_fen=0,
            credit_fen=0,
            started_at=now,
        )
    )


async def advance(close: DayClose) -> None:
    """Writes how far a close came."""
    await DayRow.filter(business_day=close.business_day).update(
        cursor=close.cursor, batches=close.batches, loans=close.loans, accrued_fen=close.accrued_fen
    )


async def end(close: DayClose, debit_fen: int, credit_fen: int, now: datetime) -> None:
    """Closes the day for good."""
    await DayRow.filter(business_day=close.business_day).update(
        state=CLOSED, debit_fen=debit_fen, credit_fen=credit_fen, closed_at=now
    )


async def sums_until(database: Database, day: date) -> tuple[int, int]:
    """All debits and credits that were booked on a day or before, in fen."""
    rows = await database.fetch(
        "SELECT COALESCE(SUM(l.debit_fen), 0) AS debit_fen, COALESCE(SUM(l.credit_fen), 0) AS credit_fen"
        " FROM accounting_line l JOIN accounting_journal j ON j.journal_id = l.journal_id"
        " WHERE COALESCE(j.booked_on, j.value_date) <= $1",
        day_value(database, day),
    )
    return int(rows[0]["debit_fen"]), int(rows[0]["credit_fen"])


def day_value(database: Database, day: date) -> date | str:
    """A day as the raw statements of this database take it."""
    return day.isoformat() if database.dialect == "sqlite" else day


def _close(row: DayRow) -> DayClose:
    return DayClose(**{name: getattr(row, name) for name in DayClose.__dataclass_fields__})
