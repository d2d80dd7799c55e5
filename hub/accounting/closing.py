"""Closing business days: one after the other, each for good. What a day earned comes from lending, batch by batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting import stored_days
from hub.accounting.rules import CLOSE_PREFIX, AccountKind, Line
from hub.accounting.service import BankCore
from hub.accounting.stored_days import CLOSED, CLOSING, DayClose
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.transactions import require_transaction

__all__ = ["CLOSED", "CLOSING", "Closes", "DayClose", "Days"]

ACCRUED_INTEREST, ACCRUED_INCOME = "bank:accrued-interest", "bank:accrued-income"
BANK = "bank"
FIRST_AT_MOST_AGO = timedelta(days=366)
"""A mistyped first day would leave centuries to close before yesterday."""


class Days(Protocol):
    """What a closer needs of the books. Every call runs inside the caller's transaction."""

    async def begin(self, day: date) -> DayClose:
        """The close of a day, begun now unless it was before.

        Raises INVALID_ARGUMENT for a day that is not over, STATE_CONFLICT unless the day before is closed.
        """

    async def post_batch(self, close: DayClose, cursor: str, loans: int, accrued_fen: int, change_fen: int) -> DayClose:
        """Books the change of accrued interest of one batch of loans, whose last is `cursor`."""

    async def end(self, close: DayClose) -> DayClose:
        """Every loan is in: the day takes nothing more."""


class Closes:
    """`Days` on the hub's own books."""

    def __init__(self, database: Database, clock: Clock, bank: BankCore) -> None:
        self._database, self._clock, self._bank = database, clock, bank

    async def begin(self, day: date) -> DayClose:
        """See `Days.begin`."""
        require_transaction("closing a day")
        await self._database.lock("day-close")
        known = await stored_days.find(day)
        if known is not None:
            return known
        if day >= business_date(self._clock.now()):
            raise HuilianError("INVALID_ARGUMENT", "that day is not over", field="business_day")
        await self._check_follows(day)
        return await stored_days.add(self._database, day, self._clock.now())

    async def _check_follows(self, day: date) -> None:
        """The first close may be of any day of the last year; after it no day is left out."""
        last = await stored_days.last_day()
        if last is None:
            if day < business_date(self._clock.now()) - FIRST_AT_MOST_AGO:
                raise HuilianError("INVALID_ARGUMENT", "the first close is of the last year", field="business_day")
            return
        before = await stored_days.find(last)
        if before is None or before.state != CLOSED or day != last + timedelta(days=1):
            raise HuilianError("STATE_CONFLICT", f"the last close is of {last}", state="DAY_BEFORE_OPEN")

    async def post_batch(self, close: DayClose, cursor: str, loans: int, accrued_fen: int, change_fen: int) -> DayClose:
        """See `Days.post_batch`."""
        after = replace(
            close,
            cursor=cursor,
            batches=close.batches + 1,
            loans=close.loans + loans,
            accrued_fen=close.accrued_fen + accrued_fen,
        )
        if change_fen:
            await self._post(close, change_fen)
        await stored_days.advance(after)
        return after

    async def _post(self, close: DayClose, change_fen: int) -> None:
        await self._bank.open_account(ACCRUED_INTEREST, BANK, AccountKind.ACCRUED_INTEREST)
        await self._bank.open_account(ACCRUED_INCOME, BANK, AccountKind.ACCRUED_INCOME)
        more, less = max(change_fen, 0), max(-change_fen, 0)
        lines = [
            Line(ACCRUED_INTEREST, debit_fen=more, credit_fen=less),
            Line(ACCRUED_INCOME, debit_fen=less, credit_fen=more),
        ]
        journal_id = f"{CLOSE_PREFIX}{close.business_day}:{close.batches}"
        await self._bank.post(journal_id, close.business_day, "accrued interest", lines)

    async def end(self, close: DayClose) -> DayClose:
        """See `Days.end`."""
        if close.state == CLOSED:
            return close
        debit_fen, credit_fen = await stored_days.sums_until(self._database, close.business_day)
        # The CHECK of the table refuses a day whose debits are not its credits.
        await stored_days.end(close, debit_fen, credit_fen, self._clock.now())
        return await self.get(close.business_day)

    async def get(self, day: date) -> DayClose:
        """The close of a day. Raises NOT_FOUND."""
        found = await stored_days.find(day)
        if found is None:
            raise HuilianError("NOT_FOUND", resource="day close")
        return found
