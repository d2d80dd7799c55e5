"""The stream of revocations that every edge follows: from a cursor on, then live, with heartbeats.

What an edge learns from it is a statement about time: "of everything revoked up to `as_of` you have seen all". So an
entry carries its own time of revocation, and only a read that found nothing new may carry a later one, taken before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from huilian_protocol.clock import Clock

from hub.consent.store import ConsentStore

BATCH = 500
# Another hub process on the same database wakes nobody here; its revocations are found by looking.
POLL_S = 0.2
HEARTBEAT_S = 1.0


@dataclass(frozen=True)
class Notice:
    """One message to an edge; `consent_id` is empty in a heartbeat."""

    cursor: int
    as_of: datetime
    consent_id: str = ""


class RevocationFeed:
    """Follows the revocations of one database for any number of edges."""

    def __init__(
        self, store: ConsentStore, clock: Clock, poll_s: float = POLL_S, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._store, self._clock = store, clock
        self._poll_s, self._heartbeat_s = poll_s, heartbeat_s
        self._wake = asyncio.Event()
        self._closed = False

    async def run(self, stop: asyncio.Event) -> None:
        """End every stream when the process is told to stop: they would never end by themselves."""
        await stop.wait()
        self._closed = True
        self.wake()

    def wake(self) -> None:
        """Tell every follower that something was committed."""
        self._wake.set()
        self._wake = asyncio.Event()

    async def follow(self, cursor: int) -> AsyncIterator[Notice]:
        """Notices after `cursor` until the process stops; a heartbeat once all is told, then regularly."""
        loop = asyncio.get_running_loop()
        next_heartbeat = loop.time()
        while not self._closed:
            woken, as_of = self._wake, self._clock.now()
            rows = await self._store.revocations_after(cursor, BATCH)
            for row in rows:
                cursor = row.cursor
                yield Notice(cursor, row.revoked_at, row.consent_id)
            if rows:
                next_heartbeat = loop.time()
                continue
            if loop.time() >= next_heartbeat:
                yield Notice(cursor, as_of)
                next_heartbeat = loop.time() + self._heartbeat_s
            await _wait(woken, self._poll_s)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
