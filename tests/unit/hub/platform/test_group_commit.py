"""Use cases that share a transaction: each whole or not at all, none disturbed by another, durable when answered."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from hub.platform.group_commit import GroupCommit
from hub.platform.transactions import TransactionMisuse
from tests.support.breaking import Broken, break_at_each_statement
from tests.support.group_commit_child import PARTS, apply_to

BAD = -1


def group_on(database: Database) -> GroupCommit[int, int]:
    """Each item writes its parts; the bad one breaks a rule of the database."""
    return GroupCommit(database, apply_to(database, bad=BAD))


async def kept(database: Database) -> Counter[int]:
    """How many parts there are of each item."""
    rows = await database.fetch("SELECT name FROM platform_rate_bucket")
    return Counter(int(row["name"].partition("/")[0]) for row in rows)


def listen(database: Database) -> list[str]:
    """Every statement from now on."""
    statements: list[str] = []
    database.on_statement = statements.append
    return statements


async def test_a_hundred_at_once_share_a_few_commits(database: Database) -> None:
    group, statements = group_on(database), listen(database)
    assert await asyncio.gather(*(group.run(number) for number in range(100))) == list(range(100))
    assert statements.count("COMMIT") <= 3
    assert await kept(database) == Counter({number: PARTS for number in range(100)})


async def test_one_that_cannot_be_stored_does_not_take_the_others_with_it(database: Database) -> None:
    group = group_on(database)
    outcomes = await asyncio.gather(*(group.run(number) for number in (1, BAD, 2, 3)), return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Exception)] == [1, 2, 3]
    assert type(outcomes[1]).__name__ == "IntegrityError"
    assert await kept(database) == Counter({number: PARTS for number in (1, 2, 3)})


async def test_an_answered_error_is_committed_and_raised_by_its_own_call(database: Database) -> None:
    write = apply_to(database)

    async def refuse_even(items: Sequence[int]) -> list[int | Exception]:
        await write(items)
        return [HuilianError("NOT_FOUND", resource="it") if item % 2 == 0 else item for item in items]

    group: GroupCommit[int, int] = GroupCommit(database, refuse_even)
    outcomes = await asyncio.gather(*(group.run(number) for number in range(4)), return_exceptions=True)
    assert [getattr(outcome, "code", outcome) for outcome in outcomes] == ["NOT_FOUND", 1, "NOT_FOUND", 3]
    assert await kept(database) == Counter({number: PARTS for number in range(4)})


async def test_a_lone_one_broken_at_any_statement_leaves_nothing(database: Database) -> None:
    group = group_on(database)
    async for _ in break_at_each_statement(database, lambda: group.run(7)):
        assert not await kept(database)
    assert await kept(database) == Counter({7: PARTS})


@pytest.mark.parametrize("statement", range(1, 2 + PARTS + 1))
async def test_a_group_broken_at_any_statement_is_done_again_one_by_one(database: Database, statement: int) -> None:
    group, seen = group_on(database), 0

    def break_once(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Broken

    database.on_statement = break_once
    assert await asyncio.gather(*(group.run(number) for number in range(5))) == list(range(5))
    assert await kept(database) == Counter({number: PARTS for number in range(5)})


async def test_a_call_cancelled_before_its_turn_has_no_effect(database: Database) -> None:
    group = group_on(database)
    calls = [asyncio.create_task(group.run(number)) for number in range(3)]
    await asyncio.sleep(0)
    calls[1].cancel()
    assert await calls[0] == 0 and await calls[2] == 2
    await group.finish()
    assert set(await kept(database)) == {0, 2}


async def test_it_is_not_for_the_inside_of_a_transaction(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(TransactionMisuse):
            await group_on(database).run(1)


def _answered_before_the_kill(url: str, after: int) -> list[int]:
    """What a process answered that was killed after its first so many answers."""
    command = [sys.executable, "-m", "tests.support.group_commit_child", url]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    answered = [int(child.stdout.readline()) for _ in range(after)]
    os.kill(child.pid, signal.SIGKILL)
    answered += [int(line) for line in child.stdout if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    return answered


@pytest.mark.parametrize("after", [1, 40, 150])
async def test_a_killed_process_loses_nothing_that_it_had_answered(tmp_path: Path, after: int) -> None:
    url = f"sqlite://{tmp_path / 'hub.sqlite'}"
    answered = _answered_before_the_kill(url, after)
    database = Database(url, ["hub.platform"])
    await database.open()
    parts = await kept(database)
    await database.close()
    assert set(answered) <= set(parts)
    assert set(parts.values()) == {PARTS}
