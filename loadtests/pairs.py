"""Paired measurements: a figure and its baseline take turns in one run, so that a drifting machine cancels out."""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtests.cpu import cpu_seconds

Work = Callable[[int], Awaitable[Sequence[float]]]
"""Does so many operations; answers the seconds that each took, or nothing where no single one can be timed."""

Settle = Callable[[], Awaitable[object]]
Say = Callable[[str], None]


async def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Side:
    """One of the two things compared: `work(count)` per round, after `prepare(count)`, which is not timed.

    `pids` are the processes that serve it: their CPU time is the operation's cost, however busy the client is.
    """

    name: str
    work: Work
    count: int
    prepare: Callable[[int], Awaitable[None]] = _nothing
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Our side and its baseline. The ratio in the report is our operations per second ÷ the baseline's.

    With `at_given_rate` operations arrive by the clock on both sides: not the ratio but the added latency tells.
    """

    name: str
    unit: str
    ours: Side
    baseline: Side
    rounds: int = 5
    at_given_rate: bool = False


@dataclass(frozen=True)
class SideFigures:
    """Median operations per second; latencies over all rounds, the least of them included; CPU microseconds per
    operation of the serving processes.
    """

    name: str
    per_s: float
    p50_ms: float | None
    p99_ms: float | None
    cpu_us: float | None
    best_ms: float | None = None


@dataclass(frozen=True)
class Measured:
    """One line of the report: both sides, and the median, least and greatest ratio of a round."""

    name: str
    unit: str
    ours: SideFigures
    baseline: SideFigures
    ratio: float
    ratio_min: float
    ratio_max: float
    operations: int
    rounds: int
    added_p99_ms: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The line as JSON."""
        return asdict(self)


class _Rounds:
    """What the rounds of one side gave."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self.per_s: list[float] = []
        self._seconds: list[float] = []
        self._cpu_us: list[float] = []

    async def run(self, count: int, settle: Settle, *, keep: bool = True) -> None:
        """One round. Nothing of an earlier round may still be going on when the clock starts."""
        await self._side.prepare(count)
        await settle()
        gc.collect()
        cpu, started = cpu_seconds(self._side.pids), time.perf_counter()
        seconds = await self._side.work(count)
        took_s = time.perf_counter() - started
        if keep:
            self.per_s.append(count / took_s)
            self._seconds.extend(seconds)
            self._cpu_us.append((cpu_seconds(self._side.pids) - cpu) / count * 1e6)

    def figures(self) -> SideFigures:
        """The rounds in short."""
        return SideFigures(
            self._side.name,
            round(statistics.median(self.per_s), 1),
            _percentile_ms(self._seconds, 50),
            _percentile_ms(self._seconds, 99),
            round(statistics.median(self._cpu_us), 1) if self._side.pids else None,
            round(min(self._seconds) * 1_000, 4) if self._seconds else None,
        )


async def measure(pair: Pair, settle: Settle = _nothing) -> Measured:
    """One warm-up round, then `rounds` rounds in which the two sides take turns in going first.

    `settle` is awaited before each side starts: work that the other side left behind would be charged to this one.
    """
    ours, baseline = _Rounds(pair.ours), _Rounds(pair.baseline)
    sides = [(ours, pair.ours.count), (baseline, pair.baseline.count)]
    for rounds, count in sides:
        await rounds.run(max(1, count // 10), settle, keep=False)
    for number in range(pair.rounds):
        for rounds, count in sides if number % 2 == 0 else reversed(sides):
            await rounds.run(count, settle)
    ratios = [a / b for a, b in zip(ours.per_s, baseline.per_s, strict=True)]
    return Measured(
        pair.name,
        pair.unit,
        ours.figures(),
        baseline.figures(),
        round(statistics.median(ratios), 4),
        round(min(ratios), 4),
        round(max(ratios), 4),
        pair.ours.count,
        pair.rounds,
        _added_p99_ms(ours.figures(), baseline.figures()) if pair.at_given_rate else None,
    )


def _added_p99_ms(ours: SideFigures, baseline: SideFigures) -> float | None:
    """How much later the slowest hundredth ends than without us."""
    if ours.p99_ms is None or baseline.p99_ms is None:
        return None
    return round(ours.p99_ms - baseline.p99_ms, 3)


def concurrently(operation: Callable[[int], Awaitable[object]], concurrency: int) -> Work:
    """Work of `concurrency` callers, each of which starts its next operation when its last one ended.

    `operation` is given the number of its caller, from 0.
    """

    async def work(count: int) -> Sequence[float]:
        turns, seconds = itertools.count(), []

        async def caller(number: int) -> None:
            while next(turns) < count:
                started = time.perf_counter()
                await operation(number)
                seconds.append(time.perf_counter() - started)

        async with asyncio.TaskGroup() as group:
            for number in range(concurrency):
                group.create_task(caller(number))
        return seconds

    return work


def at_rate(operation: Callable[[int], Awaitable[object]], per_s: Callable[[], float], most: int = 48) -> Work:
    """Work whose operations begin by the clock, so many a second, however long the earlier ones take (open loop).

    No more than `most` run at once, as a caller who is limited would have it. The seconds count from when an operation
    was due, so every queue before it is seen. `operation` is given its number.
    """

    async def work(count: int) -> Sequence[float]:
        places = asyncio.Semaphore(most)
        pause_s, begun, seconds = 1 / per_s(), time.perf_counter(), []

        async def one(number: int, due: float) -> None:
            async with places:
                await operation(number)
            seconds.append(time.perf_counter() - due)

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                due = begun + number * pause_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(one(number, due))
        return seconds

    return work


def _percentile_ms(seconds: Sequence[float], percent: int) -> float | None:
    """Nearest-rank percentile in milliseconds; None without measurements."""
    if not seconds:
        return None
    rank = max(0, -(-len(seconds) * percent // 100) - 1)
    return round(sorted(seconds)[rank] * 1_000, 3)


def table(rows: Sequence[Measured]) -> str:
    """The figures as text, two lines each: ours, and what it is measured against."""
    head = (
        f"{'figure':44} {'per s':>10} {'best ms':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs':>8} {'ratio':>8}  (min–max)"
    )
    lines = [head, "─" * len(head)]
    for row in rows:
        spread = f"({row.ratio_min:.3f}–{row.ratio_max:.3f})"
        lines.append(f"{row.name:44} {_columns(row.ours)} {row.ratio:>8.3f}  {spread}")
        lines.append(f"  ÷ {row.baseline.name:40} {_columns(row.baseline)}")
        if row.added_p99_ms is not None:
            lines.append(f"  added p99: {row.added_p99_ms:.1f} ms")
    return "\n".join(lines)


def _columns(side: SideFigures) -> str:
    cells = ((side.best_ms, 3), (side.p50_ms, 3), (side.p99_ms, 2), (side.cpu_us, 0))
    parts = [_cell(value, 8, digits) for value, digits in cells]
    return " ".join([f"{side.per_s:>10,.0f}", *parts])


def _cell(value: float | None, width: int, digits: int) -> str:
    return " " * width if value is None else f"{value:>{width},.{digits}f}"
