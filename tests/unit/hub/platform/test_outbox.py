"""Messages leave exactly when their transaction is durable, and come back until they are handled."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from huilian_protocol.clock import FixedClock, SystemClock

from hub.platform.database import Database
from hub.platform.outbox import GiveUp, Message, Outbox
from hub.platform.transactions import TransactionMisuse, current_transaction


class Recorder:
    """A handler that remembers what it got and fails as often as told."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.got: list[Message] = []
        self._failures = failures
        self._error = error or ConnectionError("away")

    async def __call__(self, message: Message) -> None:
        assert current_transaction() is None
        if self._failures:
            self._failures -= 1
            raise self._error
        self.got.append(message)


@pytest.fixture
def outbox(database: Database, clock: FixedClock) -> Outbox:
    return Outbox(database, clock)


async def _put(database: Database, outbox: Outbox, *keys: str) -> None:
    async with database.transaction():
        for key in keys:
            await outbox.put("mail", key, {"text": f"您好 {key}", "amount_fen": 12345678901234567})


async def test_delivers_in_order_and_only_once(database: Database, outbox: Outbox) -> None:
    handler = Recorder()
    outbox.register("mail", handler)
    await _put(database, outbox, "a", "b")
    assert await outbox.drain() == 2
    await _put(database, outbox, "a", "c")
    assert await outbox.drain() == 1
    assert [message.key for message in handler.got] == ["a", "b", "c"]
    assert handler.got[0].payload == {"text": "您好 a", "amount_fen": 12345678901234567}


async def test_a_rolled_back_message_never_leaves(database: Database, outbox: Outbox) -> None:
    handler = Recorder()
    outbox.register("mail", handler)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await outbox.put("mail", "a", {})
            raise ZeroDivisionError
    assert await outbox.drain() == 0
    assert handler.got == []


async def test_put_needs_a_transaction_and_delivery_refuses_one(database: Database, outbox: Outbox) -> None:
    with pytest.raises(TransactionMisuse):
        await outbox.put("mail", "a", {})
    async with database.transaction():
        with pytest.raises(TransactionMisuse):
            await outbox.drain()


async def test_retries_with_backoff(database: Database, outbox: Outbox, clock: FixedClock) -> None:
    handler = Recorder(failures=2)
    outbox.register("mail", handler)
    await _put(database, outbox, "a")
    assert await outbox.drain() == 1
    assert await outbox.drain() == 0, "not due before its backoff is over"
    clock.advance(timedelta(milliseconds=200))
    assert await outbox.drain() == 1
    clock.advance(timedelta(milliseconds=399))
    assert await outbox.drain() == 0
    clock.advance(timedelta(milliseconds=1))
    assert await outbox.drain() == 1
    assert [message.key for message in handler.got] == ["a"]


async def test_giving_up_parks_the_message(database: Database, outbox: Outbox, clock: FixedClock) -> None:
    outbox.register("mail", Recorder(failures=1, error=GiveUp("no such mailbox")))
    await _put(database, outbox, "a")
    await outbox.drain()
    clock.advance(timedelta(days=1))
    assert await outbox.drain() == 0
    rows = await database.fetch("SELECT state, last_error FROM platform_outbox")
    assert [dict(row) for row in rows] == [{"state": "parked", "last_error": "GiveUp"}]


async def test_a_message_whose_process_died_comes_back(database: Database, clock: FixedClock) -> None:
    class Killed(BaseException):
        pass

    async def die(message: Message) -> None:
        raise Killed

    dead, alive, handler = Outbox(database, clock), Outbox(database, clock), Recorder()
    dead.register("mail", die)
    alive.register("mail", handler)
    await _put(database, dead, "a")
    with pytest.raises(Killed):
        await dead.drain()
    assert await alive.drain() == 0, "still leased to the dead process"
    clock.advance(timedelta(seconds=61))
    assert await alive.drain() == 1
    assert [message.key for message in handler.got] == ["a"]


async def test_the_worker_wakes_up_on_commit_and_stops(database: Database, outbox: Outbox) -> None:
    handled = asyncio.Event()

    async def handle(message: Message) -> None:
        handled.set()

    outbox.register("mail", handle)
    stop = asyncio.Event()
    worker = asyncio.create_task(outbox.run(stop))
    await asyncio.sleep(0.05)
    await _put(database, outbox, "a")
    await asyncio.wait_for(handled.wait(), 0.4)
    stop.set()
    await asyncio.wait_for(worker, 5)


async def test_what_comes_due_by_itself_is_found_by_one_look_for_all_topics(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.platform.outbox.POLL_SECONDS", 0.02)
    outbox, stop, handled, idle = Outbox(database, SystemClock()), asyncio.Event(), asyncio.Event(), asyncio.Event()
    tries: list[str] = []
    seen: list[str] = []

    async def handle(message: Message) -> None:
        tries.append(message.key)
        if len(tries) == 1:
            raise ConnectionError("away")
        handled.set()

    def look(statement: str) -> None:
        seen.append(statement)
        # The same one question again and again.
        if len(seen) > 5 and len(set(seen[-5:])) == 1:
            idle.set()

    for topic in ("mail", *(f"topic {number}" for number in range(17))):
        outbox.register(topic, handle)
    await _put(database, outbox, "a")
    running = asyncio.create_task(outbox.run(stop))
    await asyncio.wait_for(handled.wait(), 10)
    database.on_statement = look
    await asyncio.wait_for(idle.wait(), 10)
    stop.set()
    await running
    assert tries == ["a", "a"]


async def test_another_process_is_woken_by_a_notice(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled = asyncio.Event()

    async def handle(message: Message) -> None:
        handled.set()

    if database.dialect == "postgres":
        # Without the notice the worker would sleep for longer than this test waits.
        monkeypatch.setattr("hub.platform.outbox.POLL_SECONDS", 60)
    working, putting = Outbox(database, clock), Outbox(database, clock)
    working.register("mail", handle)
    stop = asyncio.Event()
    worker = asyncio.create_task(working.run(stop))
    for number in range(100):
        await _put(database, putting, f"letter-{number}")
        try:
            await asyncio.wait_for(handled.wait(), 0.2)
            break
        except TimeoutError:
            continue  # the listener may not be connected yet
    stop.set()
    await asyncio.wait_for(worker, 5)
    assert handled.is_set()


async def test_two_processes_share_the_messages(database: Database, clock: FixedClock) -> None:
    first, second, handlers = Outbox(database, clock), Outbox(database, clock), [Recorder(), Recorder()]
    first.register("mail", handlers[0])
    second.register("mail", handlers[1])
    await _put(database, first, *(f"{n:02d}" for n in range(40)))
    await asyncio.gather(first.drain(), second.drain())
    keys = [message.key for handler in handlers for message in handler.got]
    assert sorted(keys) == [f"{n:02d}" for n in range(40)]


def test_one_handler_per_topic(clock: FixedClock) -> None:
    outbox = Outbox(Database("sqlite:////nowhere", []), clock)
    outbox.register("mail", Recorder())
    with pytest.raises(ValueError, match="mail"):
        outbox.register("mail", Recorder())


async def test_a_message_that_takes_long_stays_with_its_process(database: Database) -> None:
    clock = SystemClock()
    slow, other = (Outbox(database, clock, lease=timedelta(seconds=0.3)) for _ in range(2))
    handled: list[str] = []
    begun = asyncio.Event()

    async def take_long(message: Message) -> None:
        begun.set()
        await asyncio.sleep(1.0)
        handled.append("slow")

    async def take_over(message: Message) -> None:
        handled.append("other")

    slow.register("mail", take_long)
    other.register("mail", take_over)
    await _put(database, slow, "a")
    delivering = asyncio.create_task(slow.drain())
    await begun.wait()
    while not delivering.done():
        await other.drain()
        await asyncio.sleep(0.05)
    assert (await delivering, await other.drain(), handled) == (1, 0, ["slow"])


async def test_what_failed_comes_back_after_its_backoff_whoever_else_is_still_handled(database: Database) -> None:
    outbox, tries = Outbox(database, SystemClock(), lease=timedelta(seconds=0.6)), []
    retried = asyncio.Event()

    async def handle(message: Message) -> None:
        tries.append(message.key)
        if message.key == "long":
            await asyncio.wait_for(retried.wait(), 5)
        elif tries.count("short") == 1:
            raise ConnectionError("away")
        else:
            retried.set()

    outbox.register("mail", handle, at_once=2)
    await _put(database, outbox, "long", "short")
    await asyncio.gather(outbox.drain(), _drain_after(outbox, 0.5))
    assert tries == ["long", "short", "short"]


async def _drain_after(outbox: Outbox, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await outbox.drain()


async def test_side_by_side_means_at_most_so_many(database: Database, outbox: Outbox) -> None:
    running, most = 0, 0

    async def handle(message: Message) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    outbox.register("mail", handle, at_once=3)
    await _put(database, outbox, *"abcdefg")
    assert (await outbox.drain(), most) == (7, 3)
