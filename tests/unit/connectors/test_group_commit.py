"""Calls at the same time share a commit, and each hears its own outcome."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.consent_status import ConsentRef
from connectors.kit.group_commit import GroupCommit
from connectors.kit.store import EdgeStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)


async def test_outcomes_reach_their_callers(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "edge")
    commits: list[str] = []
    store._connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    memory = GroupCommit(store)
    consent = ConsentRef("consent")
    calls = [memory.run(store.begin_read, f"request-{n}", b"f", consent, "d", 30, NOW) for n in range(100)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes.count(None) == 30
    assert sum(isinstance(outcome, HuilianError) for outcome in outcomes) == 70
    assert len(commits) < 10
    await memory.close()


async def test_a_caller_that_left_before_its_turn_has_no_effect_and_disturbs_nobody(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "edge")
    memory = GroupCommit(store)
    leaving = asyncio.create_task(memory.run(store.begin_read, "request-1", b"f", ConsentRef("consent"), "d", 9, NOW))
    staying = asyncio.create_task(memory.run(store.begin_read, "request-2", b"f", ConsentRef("consent"), "d", 9, NOW))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is None
    assert await memory.run(store.used_reads, "consent", "d") == 1
    await memory.close()


async def test_a_failing_disk_is_told_to_everybody_and_does_not_end_the_service(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "edge")
    memory = GroupCommit(store)

    def fail() -> Any:
        raise sqlite3.OperationalError("disk full")

    calls = [memory.run(fail), memory.run(store.cursor)]
    assert all(isinstance(e, sqlite3.Error) for e in await asyncio.gather(*calls, return_exceptions=True))
    assert await memory.run(store.cursor) == 0
    with pytest.raises(sqlite3.Error):
        await memory.run(fail)
    await memory.close()


async def test_while_another_process_holds_the_file_a_call_waits_and_the_loop_does_not(tmp_path: Path) -> None:
    store, other = EdgeStore(tmp_path / "edge"), sqlite3.connect(tmp_path / "edge", isolation_level=None)
    memory = GroupCommit(store)
    other.execute("BEGIN IMMEDIATE")
    call = asyncio.create_task(memory.run(store.begin_read, "request-1", b"f", ConsentRef("consent"), "d", 9, NOW))
    await asyncio.sleep(0.05)
    assert not call.done()
    other.execute("COMMIT")
    assert await call is None
    assert other.execute("SELECT count(*) FROM read").fetchone() == (1,)
    other.close()
    await memory.close()


async def test_a_commit_that_fails_keeps_nothing_and_is_heard_by_every_call(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "edge")
    memory = GroupCommit(store)
    store._connection.set_authorizer(lambda _, what, *__: int(what == "COMMIT"))
    calls = [memory.run(store.begin_read, f"r-{n}", b"f", ConsentRef("consent"), "d", 9, NOW) for n in range(3)]
    heard = await asyncio.gather(*calls, return_exceptions=True)
    store._connection.set_authorizer(None)
    assert [type(each) for each in heard] == [sqlite3.DatabaseError] * 3
    assert await memory.run(store.used_reads, "consent", "d") == 0
    await memory.close()
