"""A campaign is many independent, seeded cases; it can be stopped anywhere and goes on where it stopped."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Tally:
    """How many checks a case made, and what it counted besides."""

    checks: int
    counted: Counter[str]


ENOUGH_TO_JUDGE = 20_000
"""Checks: below this a share may be small by chance."""

Case = Callable[[random.Random], Awaitable[int | Tally]]


@dataclass(frozen=True)
class Campaign:
    """`case` runs one case with its own randomness and answers how many checks it made; it raises on a failure.

    `target` counts checks. `slice_cases` is how many cases `make test` runs. `floors`: how many of what is
    counted there must be for each thousand checks, so that a campaign which has come to miss what matters fails.
    `alone`: a case has processes of its own for the whole machine, so cases run one after another in one process.
    """

    name: str
    title: str
    target: int
    slice_cases: int
    case: Case
    floors: Mapping[str, float] = field(default_factory=dict)
    alone: bool = False

    def missed(self, progress: Progress) -> str:
        """The floors that it did not reach, empty while it reaches them or there is too little to judge by."""
        if progress.checks < ENOUGH_TO_JUDGE:
            return ""
        found = {name: progress.counted.get(name, 0) * 1000 / progress.checks for name in self.floors}
        return ", ".join(
            f"{name}: {many:.1f} of {self.floors[name]}" for name, many in found.items() if many < self.floors[name]
        )


@dataclass
class Progress:
    """How far a campaign has come. All cases before `next_case` are done, and those in `ahead` besides; a case's number
    is also its seed, so a failure can be rerun.
    """

    next_case: int = 0
    ahead: list[int] = field(default_factory=list)
    checks: int = 0
    seconds: float = 0.0
    failure: str = ""
    counted: dict[str, int] = field(default_factory=dict)

    def open_cases(self) -> Iterator[int]:
        """The cases that are not done, in order and without end."""
        return itertools.filterfalse(set(self.ahead).__contains__, itertools.count(self.next_case))

    def finish(self, case: int, made: int | Tally) -> None:
        """Count what a case made, and never again: claimed cases that were not finished are open again next time."""
        self.add(made)
        self.ahead = sorted([*self.ahead, case])
        while self.ahead and self.ahead[0] == self.next_case:
            self.ahead.pop(0)
            self.next_case += 1

    def add(self, made: int | Tally) -> None:
        """Count what a case made."""
        tally = made if isinstance(made, Tally) else Tally(made, Counter())
        self.checks += tally.checks
        self.counted = dict(Counter(self.counted) + tally.counted)


def seed_of(campaign: Campaign, case: int) -> random.Random:
    """The randomness of one case: the same in every run."""
    return random.Random(f"{campaign.name}:{case}")


Hand = Callable[[Campaign, int], Awaitable[int | Tally]]
"""Plays a case somewhere; raises CaseFailed."""


class CaseFailed(Exception):
    """What went wrong in a case, and where: its text is all that comes over from another process."""


async def play(campaign: Campaign, case: int) -> int | Tally:
    """One case in this process. Raises CaseFailed."""
    try:
        return await campaign.case(seed_of(campaign, case))
    except Exception as failure:
        raise CaseFailed(f"{type(failure).__name__}: {failure}, {_place_of(failure)}") from failure


async def advance(campaign: Campaign, progress: Progress, deadline: float, hands: Sequence[Hand] = (play,)) -> None:
    """Run cases, one at a time by each hand, until target, deadline (monotonic seconds) or the first failure."""
    cases, started = progress.open_cases(), time.monotonic()

    async def work(hand: Hand) -> None:
        while progress.checks < campaign.target and not progress.failure and time.monotonic() < deadline:
            case = next(cases)
            try:
                progress.finish(case, await hand(campaign, case))
            except Exception as failure:
                progress.failure = f"case {case}: {failure}"

    await asyncio.gather(*map(work, hands))
    progress.seconds += time.monotonic() - started


def _place_of(failure: Exception) -> str:
    """File and line that raised: an assertion may have nothing else to say."""
    last = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno} {last.line}"


class ProgressFile:
    """The progress of all campaigns in one file, written after each round."""

    def __init__(self, path: Path) -> None:
        self._path = path
        stored = json.loads(path.read_text()) if path.exists() else {}
        self._progress = {name: Progress(**values) for name, values in stored.items()}

    def of(self, campaign: Campaign) -> Progress:
        """Progress of a campaign; a failed case is tried again."""
        progress = self._progress.setdefault(campaign.name, Progress())
        progress.failure = ""
        return progress

    def save(self) -> None:
        """Write everything, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps({name: asdict(one) for name, one in self._progress.items()}, indent=2) + "\n")
        draft.replace(self._path)
