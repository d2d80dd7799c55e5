"""A site of real processes for supply-chain finance: chain, authorities, Tryton, hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.sites import RunningSite, new_site, running_site


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningSite]:
    async with running_site(new_site(tmp_path), government=False) as running:
        yield running
