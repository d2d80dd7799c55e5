"""What the rules of early warning count: each measure one or two statements over all parties, by its name in the rules.

Percentages are whole and rounded down; amounts in fen. A party about whom nothing was counted is not named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Final

from huilian_loans.schedule import add_months
from huilian_protocol.clock import Clock
from huilian_protocol.errors import Fault, catalogue

from hub.lending.ports import EarlySigns, Exchange
from hub.lending.warnings import stored
from hub.lending.warnings.rules import Measured, Subject, SubjectKind
from hub.platform.business_day import start_of_day
from hub.platform.database import Database
from hub.receivables.service import Days

ORDER_MONTHS: Final = 3
DISPUTE_DAYS: Final = 180
SOURCE_DAYS: Final = 7
_HOUR = timedelta(hours=1)

Measure = Callable[[date], Awaitable[list[Measured]]]


class Measures:
    """Takes measures on a business day; reads only, outside any transaction."""

    def __init__(self, database: Database, clock: Clock, signs: EarlySigns, exchange: Exchange) -> None:
        self._database = database
        self._clock = clock
        self._signs = signs
        self._exchange = exchange
        self._named: Mapping[str, Measure] = {
            "overdue_payables": self._overdue_payables,
            "share_of_bank": self._share_of_bank,
            "share_of_supplier": self._share_of_supplier,
            "order_volume": self._order_volume,
            "impaired_receivables": self._impaired_receivables,
            "erp_troubles": self._erp_troubles,
            "data_source_troubles": self._data_source_troubles,
        }

    def named(self, name: str) -> Measure:
        """A measure by its name. Raises KeyError."""
        return self._named[name]

    async def _overdue_payables(self, today: date) -> list[Measured]:
        return [
            _measured(SubjectKind.BUYER, uscc, days_past_due=(today - since).days, overdue_receivables=count)
            for uscc, count, since in await stored.overdue_payables(self._database)
        ]

    async def _share_of_bank(self, today: date) -> list[Measured]:
        shares = await stored.shares_of_bank(self._database)
        return [
            Measured(subject, {"share_percent": used * 100 // total, "used_fen": used})
            for subject, used, total in shares
        ]

    async def _share_of_supplier(self, today: date) -> list[Measured]:
        shares = await stored.shares_of_suppliers(self._database)
        return [
            Measured(subject, {"share_percent": largest * 100 // total, "used_fen": total})
            for subject, largest, total in shares
        ]

    async def _order_volume(self, today: date) -> list[Measured]:
        recent, before = order_periods(today)
        found = []
        for kind in (SubjectKind.BUYER, SubjectKind.SUPPLIER):
            for one in await self._signs.fallen_orders(recent, before, placed=kind is SubjectKind.BUYER):
                drop = (one.before_fen - one.recent_fen) * 100 // one.before_fen
                amounts = {"before_fen": one.before_fen, "recent_fen": one.recent_fen}
                found.append(_measured(kind, one.uscc, drop_percent=drop, **amounts))
        return found

    async def _impaired_receivables(self, today: date) -> list[Measured]:
        since, found = start_of_day(today - timedelta(days=DISPUTE_DAYS)), []
        for kind in (SubjectKind.BUYER, SubjectKind.SUPPLIER):
            for one in await self._signs.impaired(since, owed=kind is SubjectKind.BUYER):
                counts = {"disputes": one.disputes, "dilutions": one.dilutions, "cases": one.disputes + one.dilutions}
                found.append(_measured(kind, one.uscc, **counts))
        return found

    async def _erp_troubles(self, today: date) -> list[Measured]:
        now = self._clock.now()
        return [
            _measured(SubjectKind.BUYER, one.buyer_uscc, failures=one.failures, hours=(now - one.since) // _HOUR)
            for one in await self._signs.erp_troubles()
        ]

    async def _data_source_troubles(self, today: date) -> list[Measured]:
        first = today - timedelta(days=SOURCE_DAYS)
        reads: Counter[str] = Counter()
        failures: Counter[str] = Counter()
        for cell in await self._exchange.volumes(first.isoformat(), today.isoformat(), ""):
            fault = _fault(cell.outcome)
            # What the person or the caller was answerable for says nothing about the source.
            reads[cell.agency] += cell.count * (fault in (None, Fault.PROVIDER))
            failures[cell.agency] += cell.count * (fault is Fault.PROVIDER)
        return [
            _measured(SubjectKind.CONNECTOR, agency, failure_percent=count * 100 // reads[agency], failures=count)
            for agency, count in sorted(failures.items())
            if count
        ]


def order_periods(today: date) -> tuple[Days, Days]:
    """The last full months, and the same months a year before."""
    end = today.replace(day=1)
    start, day = add_months(end, -ORDER_MONTHS), timedelta(days=1)
    return Days(start, end - day), Days(add_months(start, -12), add_months(end, -12) - day)


def _fault(outcome: str) -> Fault | None:
    """Who was answerable for a refusal; None when it was delivered or done."""
    entry = catalogue().get(outcome)
    return None if entry is None else entry.fault


def _measured(kind: SubjectKind, subject: str, **facts: int) -> Measured:
    return Measured(Subject(kind, subject), facts)
