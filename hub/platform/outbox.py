"""Side effects leave through rows written in the transaction that wants them; workers deliver them afterwards, at
least once.

A message is claimed by moving its due time a lease ahead, and again as long as it is being handled. So a killed process
loses nothing: the lease runs out and the message is delivered again. Handlers must therefore be idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from huilian_protocol.clock import Clock

from hub.platform import outbox_rows
from hub.platform.database import Database
from hub.platform.notices import listening, notify
from hub.platform.outbox_rows import Message
from hub.platform.transactions import forbid_transaction, require_transaction

__all__ = ["GiveUp", "Handler", "Message", "Outbox", "TryAgain"]

CHANNEL = "huilian_outbox"
POLL_SECONDS = 0.5
LEASE = timedelta(seconds=15)
BATCH = 16
BACKOFF_FIRST = timedelta(milliseconds=200)
BACKOFF_MOST = timedelta(seconds=30)

logger = logging.getLogger(__name__)

Handler = Callable[[Message], Awaitable[None]]


class GiveUp(Exception):
    """Raised by a handler when trying again can never help: the message is parked for a person to look at."""


class TryAgain(Exception):
    """Raised by a handler that knows when to try again, instead of the outbox's own backoff."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at


@dataclass(slots=True)
class _Topic:
    handler: Handler
    wake: asyncio.Event
    at_once: int


class Outbox:
    """One process's view of the outbox: topics it handles and a worker for each."""

    def __init__(self, database: Database, clock: Clock, lease: timedelta = LEASE) -> None:
        """`lease` is how long the messages of a process that was killed wait for the next one."""
        self._database = database
        self._clock = clock
        self._lease = lease
        self._topics: dict[str, _Topic] = {}

    async def put(self, topic: str, key: str, payload: dict[str, object]) -> None:
        """Write one message inside the open transaction. The same (topic, key) again is a no-op, also after
        delivery.
        """
        require_transaction("an outbox message")
        await outbox_rows.insert(self._database, Message(topic, key, payload), self._clock.now())
        await notify(self._database, CHANNEL, topic)
        self._database.after_commit(lambda: self._wake(topic))

    def register(self, topic: str, handler: Handler, at_once: int = 1) -> None:
        """Say who handles a topic; exactly one handler per topic. Register everything before `run`.

        The handler is given `at_once` messages side by side; one by one they come in the order in which they were put.
        """
        if topic in self._topics:
            raise ValueError(f"topic {topic} has a handler already")
        self._topics[topic] = _Topic(handler, asyncio.Event(), at_once)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; a message being handled is finished first."""
        forbid_transaction("outbox delivery")
        async with listening(self._database, CHANNEL, self._wake), asyncio.TaskGroup() as workers:
            for topic in self._topics:
                workers.create_task(self._work(topic, stop), name=f"outbox {topic}")
            workers.create_task(self._look(stop), name="outbox looking")
            await stop.wait()
            for entry in self._topics.values():
                entry.wake.set()

    async def drain(self) -> int:
        """Deliver everything that is due now and everything that follows from it; the number delivered. For tests."""
        forbid_transaction("outbox delivery")
        total = 0
        while delivered := sum([await self._deliver_batch(topic) for topic in self._topics]):
            total += delivered
        return total

    async def _look(self, stop: asyncio.Event) -> None:
        """Wake the workers of what came due by itself: after a backoff, or when its process was killed."""
        while not stop.is_set():
            try:
                for topic in await outbox_rows.due_topics(self._database, self._topics, self._clock.now()):
                    self._wake(topic)
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("outbox.look_failed", extra={"error_type": type(error).__name__})
            await _wait(stop, POLL_SECONDS)

    async def _work(self, topic: str, stop: asyncio.Event) -> None:
        wake = self._topics[topic].wake
        while not stop.is_set():
            wake.clear()
            try:
                claimed = await self._deliver_batch(topic)
            except Exception as error:  # noqa: BLE001  the database may be away for a moment; a dead worker loses silently
                logger.error("outbox.worker_failed", extra={"topic": topic, "error_type": type(error).__name__})
                claimed = 0
            if claimed == 0:
                await wake.wait()

    async def _deliver_batch(self, topic: str) -> int:
        at_once, now = self._topics[topic].at_once, self._clock.now()
        until = now + self._lease
        claimed = await outbox_rows.claim(self._database, topic, now, until, max(BATCH, at_once))
        if claimed:
            async with self._kept([row.id for row in claimed], until):
                for first in range(0, len(claimed), at_once):
                    await asyncio.gather(*map(self._deliver, claimed[first : first + at_once]))
        return len(claimed)

    @asynccontextmanager
    async def _kept(self, ids: Sequence[int], until: datetime) -> AsyncIterator[None]:
        done = asyncio.Event()
        keeping = asyncio.create_task(self._keep(ids, until, done))
        try:
            yield
        finally:
            done.set()
            await keeping

    async def _keep(self, ids: Sequence[int], until: datetime, done: asyncio.Event) -> None:
        """Prolong the lease of what is being handled, well before it ends."""
        while not await _wait(done, self._lease.total_seconds() / 3):
            later = self._clock.now() + self._lease
            try:
                await outbox_rows.prolong(self._database, ids, until, later)
                until = later
            except Exception as error:  # noqa: BLE001  the database may be away for a moment; the next round tries again
                logger.warning("outbox.lease_not_prolonged", extra={"error_type": type(error).__name__})

    async def _deliver(self, row: outbox_rows.Claimed) -> None:
        try:
            await self._topics[row.message.topic].handler(row.message)
        except GiveUp as error:
            await self._fail(row, "outbox.parked", error, parked=True)
        except TryAgain as later:
            await outbox_rows.fail(self._database, row.id, later.at, "TryAgain", parked=False)
        except Exception as error:  # noqa: BLE001  whatever a handler raises, the message comes back
            await self._fail(row, "outbox.retry", error, parked=False)
        else:
            await outbox_rows.finish(self._database, row.id)

    async def _fail(self, row: outbox_rows.Claimed, event: str, error: Exception, *, parked: bool) -> None:
        # The type only: an error's text may quote what it was given.
        kind = getattr(error, "code", None) or type(error).__name__
        logger.warning(event, extra={"topic": row.message.topic, "attempts": row.attempts, "error_type": str(kind)})
        due = self._clock.now() + _backoff(row.attempts)
        await outbox_rows.fail(self._database, row.id, due, str(kind), parked=parked)

    def _wake(self, topic: str) -> None:
        if topic in self._topics:
            self._topics[topic].wake.set()


def _backoff(attempts: int) -> timedelta:
    """Doubling from 0.2 s to 30 s."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(BACKOFF_FIRST * (1 << doublings), BACKOFF_MOST)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came in time."""
    try:
        return await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
