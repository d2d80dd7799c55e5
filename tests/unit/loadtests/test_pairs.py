"""Paired measurements: turns, figures, and who is charged for what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from loadtests.pairs import Measured, Pair, Side, SideFigures, at_rate, concurrently, measure, table


class Turns:
    """Remembers what happened in which order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def side(self, name: str, count: int, seconds: Sequence[float] = (), took_s: float = 0.0) -> Side:
        async def work(operations: int) -> Sequence[float]:
            self.seen.append((name, operations))
            await asyncio.sleep(took_s)
            return seconds

        async def prepare(operations: int) -> None:
            self.seen.append((f"prepare {name}", operations))

        return Side(name, work, count, prepare=prepare)


async def test_the_sides_take_turns_in_going_first_after_a_warm_up() -> None:
    turns = Turns()
    await measure(Pair("p", "calls", turns.side("a", 50), turns.side("b", 20), rounds=2))
    assert [name for name, _ in turns.seen if not name.startswith("prepare")] == ["a", "b", "a", "b", "b", "a"]
    assert [count for name, count in turns.seen if name == "a"] == [5, 50, 50]
    assert turns.seen[:2] == [("prepare a", 5), ("a", 5)]


async def test_everything_settles_before_each_side() -> None:
    turns = Turns()

    async def settle() -> None:
        turns.seen.append(("settle", 0))

    await measure(Pair("p", "calls", turns.side("a", 10), turns.side("b", 10), rounds=1), settle)
    names = [name for name, _ in turns.seen]
    assert names == ["prepare a", "settle", "a", "prepare b", "settle", "b"] * 2


async def test_the_ratio_is_ours_over_the_baseline_whatever_their_counts() -> None:
    turns = Turns()
    pair = Pair("p", "calls", turns.side("slow", 10, took_s=0.1), turns.side("fast", 40, took_s=0.1), rounds=3)
    measured = await measure(pair)
    assert measured.ratio == pytest.approx(0.25, rel=0.15)
    assert measured.ratio_min <= measured.ratio <= measured.ratio_max
    assert measured.ours.per_s == pytest.approx(100, rel=0.15)
    assert measured.baseline.per_s == pytest.approx(400, rel=0.15)


async def test_latencies_are_percentiles_of_all_rounds() -> None:
    turns = Turns()
    hundred = [number / 1_000 for number in range(1, 101)]
    measured = await measure(Pair("p", "calls", turns.side("a", 1, hundred), turns.side("b", 1), rounds=1))
    assert (measured.ours.p50_ms, measured.ours.p99_ms) == (50.0, 99.0)
    assert (measured.baseline.p50_ms, measured.baseline.cpu_us) == (None, None)


async def test_concurrent_callers_do_exactly_the_count_and_time_each_operation() -> None:
    running, most, numbers = 0, 0, set()

    async def operation(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        numbers.add(number)
        await asyncio.sleep(0.001)
        running -= 1

    seconds = await concurrently(operation, 4)(10)
    assert (len(seconds), most, numbers) == (10, 4, {0, 1, 2, 3})
    assert min(seconds) >= 0.001


async def test_a_failing_operation_fails_the_measurement() -> None:
    async def operation(_: int) -> None:
        raise RuntimeError("refused")

    with pytest.raises(ExceptionGroup):
        await concurrently(operation, 2)(4)


def test_the_table_names_the_baseline_under_each_figure() -> None:
    ours = SideFigures("hub", 500.0, 1.5, 9.0, 850.0, 1.21)
    bare = SideFigures("echo", 2_000.0, None, None, None)
    row = Measured("hub call", "calls", ours, bare, 0.25, 0.2, 0.3, 100, 5)
    _, _, first, second = table([row]).splitlines()
    assert first.split() == ["hub", "call", "500", "1.210", "1.500", "9.00", "850", "0.250", "(0.200–0.300)"]
    assert second.split() == ["÷", "echo", "2,000"]
    assert row.as_json()["ours"]["cpu_us"] == 850.0


async def test_operations_at_a_rate_begin_by_the_clock_however_long_they_take() -> None:
    begun: list[float] = []

    async def slow(_: int) -> None:
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.2)

    seconds = await at_rate(slow, lambda: 100.0)(10)
    assert begun[-1] - begun[0] == pytest.approx(0.09, abs=0.05)
    assert len(seconds) == 10 and min(seconds) >= 0.2


async def test_at_a_given_rate_the_added_latency_is_told() -> None:
    turns = Turns()
    ours, baseline = turns.side("a", 100, [0.05] * 100), turns.side("b", 100, [0.02] * 100)
    measured = await measure(Pair("p", "calls", ours, baseline, rounds=1, at_given_rate=True))
    assert measured.added_p99_ms == 30.0
    assert "added p99: 30.0 ms" in table([measured])
    assert (await measure(Pair("p", "calls", ours, baseline, rounds=1))).added_p99_ms is None
