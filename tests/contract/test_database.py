"""What every hub domain may rely on, whichever database is behind it: each guard on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.platform.database import Database
from hub.platform.store import SubjectKey
from hub.platform.transactions import TransactionMisuse, forbid_transaction
from tests.support.databases import DatabaseMaker

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
def database_packages() -> list[str]:
    return ["hub.platform"]


@pytest.fixture
async def two_processes(database_maker: DatabaseMaker) -> AsyncIterator[tuple[Database, Database]]:
    """One database as two processes see it."""
    url = await database_maker.new_url(["hub.platform"])
    first, second = Database(url, ["hub.platform"]), Database(url, ["hub.platform"])
    await first.open()
    await second.open()
    yield first, second
    await second.close()
    await first.close()


async def _add(subject: str, created_at: datetime = NOW) -> None:
    await SubjectKey.create(subject=subject, wrapped_key=b"k", created_at=created_at)


async def _count(database: Database) -> int:
    return int((await database.fetch("SELECT count(*) AS n FROM platform_subject_key"))[0]["n"])


async def test_commits_at_the_end_and_rolls_back_on_error(database: Database) -> None:
    async with database.transaction():
        await _add("kept")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await _add("lost")
            raise ZeroDivisionError
    assert [row.subject for row in await SubjectKey.all()] == ["kept"]


async def test_closing_waits_for_a_transaction_that_is_under_way(two_processes: tuple[Database, Database]) -> None:
    first, second = two_processes
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with first.transaction():
            entered.set()
            await go_on.wait()
            await _add("kept")

    writing = asyncio.create_task(write())
    await entered.wait()
    closing = asyncio.create_task(first.close())
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(writing, closing)
    assert await _count(second) == 1


async def test_a_second_transaction_inside_is_refused(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(TransactionMisuse):
            async with database.transaction():
                await _add("never")
        await _add("outer")
    assert await _count(database) == 1


async def test_a_task_spawned_inside_may_not_use_the_connection(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(TransactionMisuse):
            await asyncio.create_task(_add("spawned"))
    assert await _count(database) == 0


async def test_the_network_is_forbidden_inside(database: Database) -> None:
    forbid_transaction("a call")
    async with database.transaction():
        with pytest.raises(TransactionMisuse, match="a call"):
            forbid_transaction("a call")


async def test_every_statement_can_be_broken_and_leaves_nothing(database: Database) -> None:
    seen: list[str] = []

    def break_at(position: int) -> None:
        count = 0

        def listener(sql: str) -> None:
            nonlocal count
            count += 1
            seen.append(sql)
            if count == position:
                raise ConnectionError(sql)

        database.on_statement = listener

    # BEGIN, INSERT, INSERT, COMMIT
    for position in (1, 2, 3, 4):
        break_at(position)
        with pytest.raises(ConnectionError):
            async with database.transaction():
                await _add("one")
                await _add("two")
        database.on_statement = None
        assert await _count(database) == 0, seen
    assert seen[-1] == "COMMIT"
    async with database.transaction():
        await _add("after")
    assert await _count(database) == 1


async def test_a_cancelled_transaction_leaves_the_connection_usable(database: Database) -> None:
    started = asyncio.Event()

    async def stuck() -> None:
        async with database.transaction():
            await _add("cancelled")
            started.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(stuck())
    await asyncio.wait_for(started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.transaction():
        await _add("next")
    assert [row.subject for row in await SubjectKey.all()] == ["next"]


async def test_cancelled_while_waiting_for_another(database: Database) -> None:
    held, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            await database.lock("one")
            held.set()
            await release.wait()

    async def wait_for_turn() -> None:
        async with database.transaction():
            await database.lock("one")
            await _add("never")

    holder = asyncio.create_task(hold())
    await asyncio.wait_for(held.wait(), 10)
    waiting = asyncio.create_task(wait_for_turn())
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await holder
    async with database.transaction():
        await database.lock("one")
        await _add("next")
    assert await _count(database) == 1


@pytest.mark.parametrize("rows", [1, 600], ids=["short", "long"])
async def test_a_commit_that_fails_keeps_nothing(database: Database, rows: int) -> None:
    await database.execute("CREATE TABLE owner (id INTEGER PRIMARY KEY)")
    await database.execute("CREATE TABLE thing (owner INTEGER REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED)")
    things = [(number,) for number in range(rows)]
    try:
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            async with database.transaction():
                await database.execute_many("INSERT INTO thing (owner) VALUES ($1)", things)
        assert await database.fetch("SELECT owner FROM thing") == []
        async with database.transaction():
            await database.execute_many("INSERT INTO owner (id) VALUES ($1)", things)
            await database.execute_many("INSERT INTO thing (owner) VALUES ($1)", things)
        assert (await database.fetch("SELECT count(*) AS n FROM thing"))[0]["n"] == rows
    finally:
        await database.execute("DROP TABLE thing")
        await database.execute("DROP TABLE owner")


async def test_cancelled_while_another_process_holds_the_database(two_processes: tuple[Database, Database]) -> None:
    first, second = two_processes

    async def add(database: Database, name: str) -> None:
        async with database.transaction():
            await database.lock("one")
            await _add(name)

    async with first.transaction():
        await first.lock("one")
        waiting = asyncio.create_task(add(second, "never"), context=contextvars.Context())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.create_task(add(second, "next"), context=contextvars.Context())
    assert [row["subject"] for row in await first.fetch("SELECT subject FROM platform_subject_key")] == ["next"]


async def test_lock_serialises_read_then_write(database: Database) -> None:
    await database.execute(
        "INSERT INTO platform_subject_key (subject, wrapped_key, created_at) VALUES ($1, $2, $3)", "n", b"0", NOW
    )

    async def increment() -> None:
        async with database.transaction():
            await database.lock("counter", "n")
            row = await SubjectKey.get(subject="n")
            await asyncio.sleep(0)
            row.wrapped_key = str(int(bytes(row.wrapped_key)) + 1).encode()
            await row.save()

    await asyncio.gather(*(increment() for _ in range(20)))
    assert bytes((await SubjectKey.get(subject="n")).wrapped_key) == b"20"


async def test_a_savepoint_may_fail_alone(database: Database) -> None:
    async with database.transaction():
        await _add("first")
        with pytest.raises(Exception, match=r"(?i)unique"):
            async with database.savepoint():
                await _add("first")
        await _add("second")
    assert await _count(database) == 2


async def test_after_commit_runs_only_when_durable(database: Database) -> None:
    told: list[str] = []
    async with database.transaction():
        database.after_commit(lambda: told.append("kept"))
        assert told == []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            database.after_commit(lambda: told.append("lost"))
            raise ZeroDivisionError
    assert told == ["kept"]


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="aware"):
        await _add("late", datetime(2026, 3, 2))
    with pytest.raises(ValueError, match="aware"):
        await SubjectKey.filter(created_at__gt=datetime(2026, 3, 2)).count()


async def test_another_offset_is_stored_as_utc(database: Database) -> None:
    in_china = timezone(timedelta(hours=8))
    await _add("early", NOW.astimezone(in_china))
    await SubjectKey.filter(subject="early").update(destroyed_at=(NOW + timedelta(days=1)).astimezone(in_china))
    assert await SubjectKey.filter(created_at=NOW, destroyed_at__lte=NOW + timedelta(days=1)).count() == 1
    text = (await database.fetch("SELECT CAST(created_at AS TEXT) AS t FROM platform_subject_key"))[0]["t"]
    assert str(text).startswith("2026-03-02 02:00:00+00")


async def test_times_compare_in_order_and_come_back_in_utc(database: Database) -> None:
    times = [NOW, NOW + timedelta(microseconds=500000), NOW + timedelta(seconds=1)]
    for number, moment in enumerate(times):
        await _add(f"s{number}", moment)
    rows = await SubjectKey.filter(created_at__gt=NOW).order_by("created_at")
    assert [row.created_at for row in rows] == times[1:]
    assert all(row.created_at.tzinfo is UTC for row in rows)


async def test_two_processes_on_one_database_wait_for_each_other(two_processes: tuple[Database, Database]) -> None:
    first, second = two_processes

    async def add(database: Database, name: str) -> None:
        async with database.transaction():
            await database.fetch("SELECT * FROM platform_subject_key")
            await asyncio.sleep(0.01)
            await _add(name)

    await asyncio.gather(*(add(database, f"{i}-{id(database)}") for i in range(5) for database in (first, second)))
    assert await _count(first) == 10


async def test_sqlite_is_durable_and_checks_foreign_keys(database: Database) -> None:
    if database.dialect == "sqlite":
        pragmas = [
            (await database.fetch(f"PRAGMA {name}"))[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert [next(iter(row.values())) for row in pragmas] == ["wal", 2, 1]
    else:
        assert (await database.fetch("SHOW server_version"))[0]["server_version"].startswith("15")
