"""Publishing the hub's log as static files while it grows, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock

from hub.ledger.export import Exporter
from hub.platform.database import Database
from ledger.merkle.checkpoint import LogKeys
from ledger.merkle.static import OtherLog
from tests.support.databases import DatabaseMaker
from tests.unit.hub.ledger.ledger_support import HubLedger, LiveChain, hub_ledger
from tests.unit.hub.ledger.test_log import VERIFIER
from tests.unit.ledger.test_static_log import check


async def _keys() -> LogKeys:
    return LogKeys.of(VERIFIER)


async def _grow(hub: HubLedger, prefix: str, count: int) -> None:
    async with hub.database.transaction():
        for number in range(count):
            await hub.ledger.append("test", f"{prefix}-{number}", {}, subject=None, evidence={})
    await hub.sequencer.integrate()


async def test_an_empty_log_publishes_nothing(hub: HubLedger, tmp_path: Path) -> None:
    exporter = Exporter(hub.database, _keys, tmp_path / "www")
    assert not await exporter.publish()
    assert not await asyncio.to_thread((tmp_path / "www").exists)


async def test_the_folder_follows_a_log_that_two_processes_grow(
    hub: HubLedger, chain: LiveChain, clock: FixedClock, tmp_path: Path
) -> None:
    other = hub_ledger(hub.database, clock, chain.url, chain.contract)
    exporter, stop = Exporter(hub.database, _keys, tmp_path / "www"), asyncio.Event()
    await _grow(hub, "first", 1)
    await exporter.publish()
    follower = asyncio.create_task(exporter.follow(stop, poll_s=0.01))

    async def grow(ledger: HubLedger, name: str) -> None:
        for number in range(8):
            await _grow(ledger, f"{name}{number}", 25)
            await asyncio.sleep(0.01)

    async def watch() -> list[int]:
        return [await check(tmp_path / "www") for _ in range(8)]

    _, _, seen = await asyncio.gather(grow(hub, "a"), grow(other, "b"), watch())
    while await hub.sequencer.integrate():
        pass
    stop.set()
    await follower
    await exporter.publish()
    assert seen == sorted(seen)
    assert await check(tmp_path / "www") == 401
    await other.rpc.close()


async def test_a_log_that_was_rolled_back_is_not_published(
    hub: HubLedger, chain: LiveChain, clock: FixedClock, database_maker: DatabaseMaker, tmp_path: Path
) -> None:
    await _grow(hub, "a", 5)
    await Exporter(hub.database, _keys, tmp_path / "www").publish()
    restored = Database(await database_maker.new_url())
    await restored.open()
    fork = hub_ledger(restored, clock, chain.url, chain.contract)
    await _grow(fork, "b", 3)
    with pytest.raises(OtherLog):
        await Exporter(restored, _keys, tmp_path / "www").publish()
    await _grow(fork, "c", 9)
    with pytest.raises(OtherLog):
        await Exporter(restored, _keys, tmp_path / "www").publish()
    await fork.rpc.close()
    await restored.close()
