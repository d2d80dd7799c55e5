"""A person with money on the account before a real edge of the traffic police."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.zone import Zone, running_zone


@pytest_asyncio.fixture
async def zone(database: Database, clock: FixedClock, ids: Ids, tmp_path: Path) -> AsyncIterator[Zone]:
    """The zone, fresh for each test, on both databases."""
    async with running_zone(database, clock, ids, tmp_path) as running:
        yield running
