"""Two hub processes write notices into one PostgreSQL: whoever follows never sees one commit behind its cursor."""

from __future__ import annotations

import asyncio
import sys

import pytest_asyncio
from huilian_protocol.clock import SystemClock

from hub.consent.revocations import RevocationFeed
from hub.consent.store import ConsentStore
from hub.platform.database import Database
from tests.support.databases import DatabaseMaker

EACH = 60


@pytest_asyncio.fixture
async def url(database_maker: DatabaseMaker) -> str:
    return await database_maker.new_url(None)


async def test_notices_come_in_commit_order_from_two_processes(url: str) -> None:
    database = Database(url)
    await database.open()
    feed = RevocationFeed(ConsentStore(database), SystemClock(), poll_s=0.001)
    command = (sys.executable, "-m", "tests.support.notices_child", url)
    children = [await asyncio.create_subprocess_exec(*command, name, str(EACH)) for name in ("one", "two")]
    seen: list[tuple[int, str]] = []
    async with asyncio.timeout(60):
        async for notice in feed.follow(0):
            if notice.consent_id:
                seen.append((notice.cursor, notice.consent_id))
            if len(seen) == 2 * EACH:
                break
        assert [await child.wait() for child in children] == [0, 0]
    # A gap would be a notice that an edge with this cursor never hears of.
    assert [cursor for cursor, _ in seen] == list(range(1, 2 * EACH + 1))
    for name in ("one", "two"):
        mine = [consent for _, consent in seen if consent.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(EACH)]
    await database.close()
