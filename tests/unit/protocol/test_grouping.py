"""Few calls start at once; where many are under way, a group waits a moment for the next ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from huilian_protocol.grouping import MANY, Grouped


async def _groups_of_two_calls(under_way: int) -> list[list[int]]:
    """How two calls are grouped of which the second comes when the first one's turn has begun."""
    groups: list[list[int]] = []

    async def step(items: Sequence[int]) -> Sequence[int]:
        groups.append(list(items))
        return items

    grouped: Grouped[int, int] = Grouped(step, under_way=lambda: under_way)
    first = asyncio.create_task(grouped.run(1))
    for _ in range(3):
        await asyncio.sleep(0)
    assert await asyncio.gather(first, grouped.run(2)) == [1, 2]
    return groups


@pytest.mark.parametrize(("under_way", "groups"), [(MANY - 1, [[1], [2]]), (MANY, [[1, 2]])])
async def test_calls_gather_where_many_are_under_way(under_way: int, groups: list[list[int]]) -> None:
    assert await _groups_of_two_calls(under_way) == groups


async def test_a_full_group_waits_for_nobody() -> None:
    groups: list[int] = []

    async def step(items: Sequence[int]) -> Sequence[int]:
        groups.append(len(items))
        return items

    grouped: Grouped[int, int] = Grouped(step, most=4, under_way=lambda: MANY)
    assert await asyncio.gather(*(grouped.run(number) for number in range(8))) == list(range(8))
    assert groups == [4, 4]
