"""Fixtures: a served chain, and one hub's ledger on it, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from tests.unit.hub.ledger.ledger_support import HubLedger, LiveChain, hub_ledger, live_chain


@pytest_asyncio.fixture
async def chain(tmp_path: Path, clock: FixedClock) -> AsyncIterator[LiveChain]:
    """A chain with the contract and two enrolled hubs."""
    async with live_chain(tmp_path, clock) as live:
        yield live


@pytest_asyncio.fixture
async def hub(database: Database, clock: FixedClock, chain: LiveChain) -> AsyncIterator[HubLedger]:
    """The first hub's ledger."""
    wired = hub_ledger(database, clock, chain.url, chain.contract)
    yield wired
    await wired.rpc.close()
