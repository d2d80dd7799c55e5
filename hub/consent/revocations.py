"""The stream of consents' changes that every edge follows: from a cursor on, then live, with heartbeats.

What an edge learns from it is a statement about time: "of everything that changed up to `as_of` you have seen all". So
an entry carries its own time, and only a look that found nothing new may carry a later one, taken before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from huilian_protocol.clock import Clock

from hub.consent.store import ConsentStore, NoticeRow

BATCH = 500
# Another hub process on the same database wakes nobody here; its notices are found by looking.
POLL_S = 0.2
HEARTBEAT_S = 1.0


class Change(StrEnum):
    """What edges are told of a consent."""

    REVOKED = "REVOKED"
    DATASET_REVOKED = "DATASET_REVOKED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    AMENDED = "AMENDED"
    DELEGATION_REVOKED = "DELEG_REVOKED"


@dataclass(frozen=True)
class Notice:
    """One message to an edge; `consent_id` is empty and `change` None in a heartbeat."""

    cursor: int
    as_of: datetime
    consent_id: str = ""
    change: Change | None = None
    version: int = 0
    dataset_id: str = ""
    pause_id: str = ""
    artefact_sha256: bytes = b""
    resumption: bytes = b""

    @classmethod
    def of(cls, row: NoticeRow) -> Notice:
        """The stored notice."""
        return cls(
            row.cursor,
            row.at,
            row.consent_id,
            Change(row.change),
            row.version,
            row.dataset_id or "",
            row.pause_id or "",
            bytes(row.artefact_sha256 or b""),
            bytes(row.resumption or b""),
        )


Seen = tuple[datetime, Sequence[NoticeRow]]


@dataclass(frozen=True)
class _Look:
    """A look at the notices after `cursor` while `woken` was to be set by the next commit, begun at `at`."""

    cursor: int
    woken: asyncio.Event
    at: float
    seen: asyncio.Task[Seen]


class RevocationFeed:
    """Follows the notices of one database for any number of edges."""

    def __init__(
        self, store: ConsentStore, clock: Clock, poll_s: float = POLL_S, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._store, self._clock = store, clock
        self._poll_s, self._heartbeat_s = poll_s, heartbeat_s
        self._wake = asyncio.Event()
        self._closed = False
        self._last: _Look | None = None

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
            woken = self._wake
            as_of, rows = await self._look(cursor)
            for row in rows:
                cursor = row.cursor
                yield Notice.of(row)
            if rows:
                next_heartbeat = loop.time()
                continue
            if loop.time() >= next_heartbeat:
                yield Notice(cursor, as_of)
                next_heartbeat = loop.time() + self._heartbeat_s
            await _wait(woken, self._poll_s)

    async def _look(self, cursor: int) -> Seen:
        """What there is after `cursor`, and when that was so. One look serves all edges that are at the same place."""
        now, last = asyncio.get_running_loop().time(), self._last
        is_fresh = last is not None and now - last.at < self._poll_s / 2
        if last is None or not is_fresh or (last.cursor, last.woken) != (cursor, self._wake):
            last = self._last = _Look(cursor, self._wake, now, asyncio.create_task(self._read(cursor)))
        return await asyncio.shield(last.seen)

    async def _read(self, cursor: int) -> Seen:
        as_of = self._clock.now()
        return as_of, await self._store.notices_after(cursor, BATCH)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
