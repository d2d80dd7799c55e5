"""The background rounds: they go on after a failure and stop when told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.lending.clearing.desk import Cleared
from hub.lending.jobs import LendingJobs
from hub.lending.rules import FinancingState
from hub.lending.service import LendingService
from tests.unit.hub.lending.world import LendingWorld


class CountedRounds(LendingService):
    """The world's service, which stops the jobs after its fourth round."""

    def __init__(self, world: LendingWorld, stop: asyncio.Event) -> None:
        self._service, self._stop, self._rounds = world.service, stop, 0

    async def tick(self) -> Cleared:
        self._rounds += 1
        if self._rounds == 4:
            self._stop.set()
        return await self._service.tick()


async def test_rounds_go_on_after_a_failure(world: LendingWorld, caplog: pytest.LogCaptureFixture) -> None:
    await world.held()
    await world.offered()
    world.clock.advance(timedelta(days=2))
    failures = 2

    def listener(sql: str) -> None:
        nonlocal failures
        if failures and "lending_financing" in sql:
            failures -= 1
            raise ConnectionError("the database is away")

    world.database.on_statement = listener
    stop = asyncio.Event()
    rounds = CountedRounds(world, stop)
    async with asyncio.timeout(20):
        await LendingJobs(rounds, 0.01).run(stop)
    assert failures == 0
    assert [record.message for record in caplog.records].count("lending.round_failed") == 2
    assert (await world.financing()).state is FinancingState.EXPIRED
