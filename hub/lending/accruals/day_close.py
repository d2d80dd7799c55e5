"""The close of a business day: every loan's accrued interest goes into the books, a batch of loans in a transaction.

Interest itself is never accrued by a batch: it is derived. What is booked is the difference between what the engine
says is owed at the end of the day and what the close before said, so that a correction of an earlier day lands on the
open day. Killed anywhere, a close goes on behind its last batch; done again, it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from datetime import date

from hub.accounting.closing import CLOSED, DayClose, Days
from hub.lending.accruals import stored
from hub.lending.accruals.rules import Mark, mark
from hub.lending.accruals.stored import Left
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox

TOPIC = "lending.close-day"
BATCH = 50_000
SQLITE_BATCH = 500
"""Smaller where a transaction keeps every other writer out."""

Reckon = Callable[[Sequence[Left], date], Awaitable[list[Mark]]]


async def reckon_here(loans: Sequence[Left], day: date) -> list[Mark]:
    """The engine in this process; others have their turn in between."""
    marks = []
    for number, loan in enumerate(loans):
        if number % 100 == 99:
            await asyncio.sleep(0)
        marks.append(mark(loan.terms, loan.events, day))
    return marks


def reckon_in(pool: Executor, chunk: int = 2_000) -> Reckon:
    """The engine in other processes, for closes with many loans that SQL cannot reckon."""

    async def reckon(loans: Sequence[Left], day: date) -> list[Mark]:
        loop = asyncio.get_running_loop()
        chunks = [loans[start : start + chunk] for start in range(0, len(loans), chunk)]
        done = await asyncio.gather(*(loop.run_in_executor(pool, _marks, part, day) for part in chunks))
        return [one for part in done for one in part]

    return reckon


def _marks(loans: Sequence[Left], day: date) -> list[Mark]:
    return [mark(loan.terms, loan.events, day) for loan in loans]


class DayCloser:
    """Closes days. `ask` runs in the caller's transaction, everything else opens its own."""

    def __init__(self, database: Database, outbox: Outbox, days: Days, reckon: Reckon = reckon_here) -> None:
        """Registers the handler of its topic with the outbox."""
        self._database, self._outbox, self._days, self._reckon = database, outbox, days, reckon
        self._size = BATCH if database.dialect == "postgres" else SQLITE_BATCH
        outbox.register(TOPIC, self.go_on)

    async def ask(self, day: date) -> DayClose:
        """Begins a close that the outbox carries out. Raises INVALID_ARGUMENT, STATE_CONFLICT as `Days.begin` does."""
        close = await self._days.begin(day)
        if close.state != CLOSED:
            await self._put(close)
        return close

    async def go_on(self, message: Message) -> None:
        """One batch, and a message for the next one in the same transaction. Opens its own."""
        day = date.fromisoformat(str(message.payload["business_day"]))
        async with self._database.transaction():
            close = await self._step(day)
            if close.state != CLOSED:
                await self._put(close)

    async def close(self, day: date) -> DayClose:
        """Closes a day to its end, here and now. Raises as `ask` does."""
        while True:
            async with self._database.transaction():
                close = await self._step(day)
            if close.state == CLOSED:
                return close

    async def _step(self, day: date) -> DayClose:
        close = await self._days.begin(day)
        if close.state == CLOSED:
            return close
        batch = await stored.next_batch(self._database, day, close.cursor, self._size)
        if batch is None:
            return await self._days.end(close)
        await stored.accrue_set_based(self._database, batch)
        loans = await stored.left(self._database, batch)
        if loans:
            marks = await self._reckon(loans, day)
            await stored.add(self._database, day, list(zip(loans, marks, strict=True)))
        return await self._days.post_batch(close, batch.until, *await stored.sums(self._database, batch))

    async def _put(self, close: DayClose) -> None:
        key = f"{close.business_day}:{close.batches}"
        await self._outbox.put(TOPIC, key, {"business_day": close.business_day.isoformat()})
