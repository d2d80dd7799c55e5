"""What has done its work is dropped after its time, nothing before, and never what still waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from huilian.common.v1 import sandbox_service_pb2 as pb
from huilian_protocol.clock import FixedClock

from hub.platform import retention
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.outbox import GiveUp, Message, Outbox
from hub.platform.retention import Keep, Retention
from hub.platform.store import OutboxMessage, StoredAnswer
from tests.support.breaking import break_at_each_statement

KEEP = Keep(timedelta(days=30), timedelta(days=90))


@pytest.fixture
def outbox(database: Database, clock: FixedClock) -> Outbox:
    made = Outbox(database, clock)

    async def deliver(message: Message) -> None:
        if message.payload["how"] == "parked":
            raise GiveUp("no use")
        if message.payload["how"] == "waiting":
            raise OSError

    made.register("topic", deliver)
    return made


async def _put(database: Database, outbox: Outbox, *keys: str) -> None:
    async with database.transaction():
        for key in keys:
            await outbox.put("topic", key, {"how": key.partition("-")[0]})
    await outbox.drain()


async def _kept() -> set[str]:
    return {row.key for row in await OutboxMessage.all()}


async def test_only_what_was_delivered_goes_and_only_after_its_time(
    database: Database, clock: FixedClock, outbox: Outbox
) -> None:
    await _put(database, outbox, "done-1", "parked-1", "waiting-1")
    clock.advance(timedelta(days=20))
    await _put(database, outbox, "done-2")
    purge = Retention(database, clock, KEEP)
    assert await purge.purge() == (0, 0)
    clock.advance(timedelta(days=10, seconds=1))
    assert await purge.purge() == (1, 0)
    assert await _kept() == {"parked-1", "waiting-1", "done-2"}
    clock.advance(timedelta(days=3_000))
    assert await purge.purge() == (1, 0)
    assert await _kept() == {"parked-1", "waiting-1"}


async def test_an_answer_is_given_again_until_its_time(database: Database, clock: FixedClock) -> None:
    idempotency, purge = Idempotency(database, clock), Retention(database, clock, KEEP)
    request, done = pb.FundAccountRequest(request_id="request-00000001"), [0]

    async def work() -> pb.FundAccountResponse:
        done[0] += 1
        return pb.FundAccountResponse()

    async def ask() -> int:
        await idempotency.run("FundAccount", request, pb.FundAccountResponse, work)
        return done[0]

    assert await ask() == 1
    clock.advance(timedelta(days=89))
    assert await purge.purge() == (0, 0) and await ask() == 1
    clock.advance(timedelta(days=2))
    assert await purge.purge() == (0, 1) and await StoredAnswer.all().count() == 0
    assert await ask() == 2


async def test_many_rows_go_in_steps(
    database: Database, clock: FixedClock, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    await _put(database, outbox, *(f"done-{number}" for number in range(10)))
    clock.advance(timedelta(days=31))
    purge = Retention(database, clock, KEEP)
    async for _ in break_at_each_statement(database, purge.purge):
        assert len(await _kept()) <= 10
    assert await purge.purge() == (0, 0) and await _kept() == set()


async def test_the_worker_purges_and_stops(database: Database, clock: FixedClock, outbox: Outbox) -> None:
    await _put(database, outbox, "done-1")
    clock.advance(timedelta(days=31))
    stop = asyncio.Event()
    worker = asyncio.create_task(Retention(database, clock, KEEP).run(stop))
    for _ in range(200):
        if not await _kept():
            break
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(worker, 5)
    assert await _kept() == set()
