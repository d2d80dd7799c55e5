"""Early signs that a party is in trouble, counted over all parties at once for lending to judge."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hub.platform.database import Database
from hub.receivables.signs import stored


@dataclass(frozen=True, slots=True)
class Days:
    """A period, both days included."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class OrderVolume:
    """What a party ordered, or had ordered from it, in two periods, in fen with tax."""

    uscc: str
    recent_fen: int
    before_fen: int


@dataclass(frozen=True, slots=True)
class Impaired:
    """How often a party's receivables were disputed, and how many of them are diluted."""

    uscc: str
    disputes: int
    dilutions: int


@dataclass(frozen=True, slots=True)
class ErpTrouble:
    """That a buyer's ERP connector has failed at every attempt since a time."""

    buyer_uscc: str
    failures: int
    since: dt.datetime
    code: str


class Signs:
    """Reads only; no transaction needed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fallen_orders(self, recent: Days, before: Days, *, placed: bool) -> list[OrderVolume]:
        """Parties whose orders in force are worth less in the recent period than in the one before.

        `placed` counts what buyers ordered, otherwise what suppliers were to deliver.
        """
        column = "buyer_uscc" if placed else "supplier_uscc"
        days = [day.isoformat() for day in (before.first, before.last, recent.first, recent.last)]
        rows = await stored.fallen_orders(self._database, column, days)
        return [OrderVolume(row["uscc"], int(row["recent_fen"]), int(row["before_fen"])) for row in rows]

    async def impaired(self, since: dt.datetime, *, owed: bool) -> list[Impaired]:
        """Parties with disputes since a time, or with diluted receivables; `owed` counts by buyer, else by supplier."""
        rows = await stored.impaired(self._database, "buyer_uscc" if owed else "supplier_uscc", since)
        return [Impaired(row["uscc"], int(row["disputes"]), int(row["dilutions"])) for row in rows]

    async def erp_troubles(self) -> list[ErpTrouble]:
        """Every connector that failed the last time."""
        return [ErpTrouble(row.buyer_uscc, row.failures, row.since, row.code) for row in await stored.erp_troubles()]
