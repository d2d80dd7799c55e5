"""Paired measurements: a figure and its baseline take turns in one run, so that a drifting machine cancels out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

Work = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Pair:
    """`ours` and `baseline` each do `count` operations when called.

    `ratio` in the report is our operations per second ÷ the baseline's.
    """

    name: str
    unit: str
    ours: Work
    baseline: Work
    baseline_name: str
    count: int
    rounds: int = 5


@dataclass(frozen=True)
class Measured:
    """Median of each side in operations per second, and the median, least and greatest ratio of a round."""

    name: str
    unit: str
    ours_per_s: float
    baseline_per_s: float
    baseline_name: str
    ratio: float
    ratio_min: float
    ratio_max: float

    def as_json(self) -> dict[str, Any]:
        """The line of the report."""
        return asdict(self)


async def measure(pair: Pair) -> Measured:
    """One warm-up round, then `rounds` rounds in which the two sides take turns in going first."""
    await _per_second(pair.ours, max(1, pair.count // 10))
    await _per_second(pair.baseline, max(1, pair.count // 10))
    ours, baseline = [], []
    for number in range(pair.rounds):
        sides = [(pair.ours, ours), (pair.baseline, baseline)]
        for work, figures in sides if number % 2 == 0 else reversed(sides):
            figures.append(await _per_second(work, pair.count))
    ratios = [a / b for a, b in zip(ours, baseline, strict=True)]
    return Measured(
        pair.name,
        pair.unit,
        round(statistics.median(ours), 1),
        round(statistics.median(baseline), 1),
        pair.baseline_name,
        round(statistics.median(ratios), 4),
        round(min(ratios), 4),
        round(max(ratios), 4),
    )


async def _per_second(work: Work, count: int) -> float:
    started = time.perf_counter()
    await work(count)
    return count / (time.perf_counter() - started)


def table(rows: list[Measured]) -> str:
    """The figures as text, one line each."""
    head = f"{'figure':38} {'ours/s':>11} {'baseline/s':>11} {'ratio':>8} {'(min–max)':>17}  against"
    lines = [
        f"{row.name:38} {row.ours_per_s:>11,.0f} {row.baseline_per_s:>11,.0f} {row.ratio:>8.3f} "
        f"{f'{row.ratio_min:.3f}–{row.ratio_max:.3f}':>17}  {row.baseline_name}"
        for row in rows
    ]
    return "\n".join([head, *lines])
