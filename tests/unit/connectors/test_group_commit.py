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
