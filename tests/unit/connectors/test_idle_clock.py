"""The clock of acceptance runs: silence takes time, work and a busy machine take none."""

import asyncio
import time

import pytest

from connectors.kit.acceptance.idle_clock import idle_clock

LIMIT_S = 0.05


async def test_silence_runs_into_a_time_limit() -> None:
    with idle_clock(), pytest.raises(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            await asyncio.Event().wait()


async def test_a_stall_of_the_machine_does_not() -> None:
    with idle_clock():
        async with asyncio.timeout(LIMIT_S):
            for _ in range(3):
                time.sleep(LIMIT_S)  # noqa: ASYNC251  the stall
                await asyncio.sleep(0)


async def test_afterwards_the_loop_has_its_own_clock_again() -> None:
    with idle_clock():
        await asyncio.sleep(LIMIT_S)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            time.sleep(2 * LIMIT_S)  # noqa: ASYNC251
            await asyncio.sleep(LIMIT_S)


async def test_one_inside_another_is_one() -> None:
    with idle_clock():
        with idle_clock():
            await asyncio.sleep(0)
        assert "time" in vars(asyncio.get_running_loop())
    assert "time" not in vars(asyncio.get_running_loop())
