"""Fixtures: a served chain, and one hub's ledger on it, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from pathlib import Path

import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from tests.support.databases import DatabaseMaker
from tests.unit.hub.ledger.banks import OLD, Bank, Keys
from tests.unit.hub.ledger.ledger_support import HUB, OTHER_HUB, HubLedger, LiveChain, hub_ledger, live_chain


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


@pytest_asyncio.fixture
async def banks(
    database: Database,
    database_maker: DatabaseMaker,
    clock: FixedClock,
    chain: LiveChain,
    database_packages: list[str] | None,
) -> AsyncIterator[list[Bank]]:
    """Two banks that both know the old epoch only."""
    contexts = [copy_context(), copy_context()]
    other = Database(await database_maker.new_url(database_packages), database_packages)
    await asyncio.create_task(other.open(), context=contexts[1])
    made = []
    for one, key, context in ((database, HUB, contexts[0]), (other, OTHER_HUB, contexts[1])):
        keys = Keys({1: OLD})
        made.append(Bank(hub_ledger(one, clock, chain.url, chain.contract, key, keys=keys), keys, clock, context))
    yield made
    for bank in made:
        await bank.hub.rpc.close()
    await asyncio.create_task(other.close(), context=contexts[1])
