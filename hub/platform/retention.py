"""Rows that have done their work are dropped after their time: delivered messages and answers to repeated requests.

Whoever repeats a request after that time is a new caller to the platform; the use case itself then says ALREADY_EXISTS,
because everything that is written carries an id made by the caller. Messages that wait or are parked stay.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from huilian_protocol.clock import Clock

from hub.platform.database import Database
from hub.platform.fields import in_utc

PURGE_EVERY_S = 600.0
BATCH = 1_000

logger = logging.getLogger(__name__)

_MESSAGES = """
DELETE FROM platform_outbox WHERE id IN (
    SELECT id FROM platform_outbox WHERE state = 'done' AND written_at < $1 ORDER BY id LIMIT $2 )
"""
_ANSWERS = """
DELETE FROM platform_stored_answer WHERE id IN (
    SELECT id FROM platform_stored_answer WHERE answered_at < $1 ORDER BY answered_at LIMIT $2 )
"""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows stay after they were written."""

    messages: timedelta
    answers: timedelta

    @staticmethod
    def for_days(messages: int, answers: int) -> Keep:
        """The same in whole days."""
        return Keep(timedelta(days=messages), timedelta(days=answers))


class Retention:
    """Purges in small steps, each its own statement, so that it never holds others up for long."""

    def __init__(self, database: Database, clock: Clock, keep: Keep) -> None:
        self._database, self._clock, self._keep = database, clock, keep

    async def run(self, stop: asyncio.Event) -> None:
        """Purge now and then until `stop`. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            try:
                await self.purge(stop)
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("retention.failed", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PURGE_EVERY_S)

    async def purge(self, stop: asyncio.Event | None = None) -> tuple[int, int]:
        """Drop what is past its time; how many messages and answers."""
        messages = await self._drop(_MESSAGES, self._keep.messages, stop)
        return messages, await self._drop(_ANSWERS, self._keep.answers, stop)

    async def _drop(self, statement: str, keep: timedelta, stop: asyncio.Event | None) -> int:
        dropped, before = 0, in_utc(self._clock.now() - keep)
        while stop is None or not stop.is_set():
            count = await self._database.execute(statement, before, BATCH)
            dropped += count
            if count < BATCH:
                break
        return dropped
