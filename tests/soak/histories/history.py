"""A history: steps that were drawn beforehand, each with a seed of its own, so that any of them can be left out.

A step is planned (what there is, what may refuse it), then done in one of three ways: once; twice, as a caller who did
not get the answer does; or in a process that dies at a random statement, is started again and does it again. After
each of these the checks run.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from tests.soak.histories import bidding, dealing, holding, lending, passing, paying, trading
from tests.soak.histories.checks import Checks
from tests.soak.histories.ending import come_to_an_end
from tests.soak.histories.life import Act, Life, refused_by
from tests.support.breaking import Broken
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
KINDS = trading.STEPS | holding.STEPS | lending.STEPS | bidding.STEPS | dealing.STEPS | paying.STEPS | passing.STEPS
NAMES, WEIGHTS = list(KINDS), [weight for weight, _ in KINDS.values()]
CRASHES, REPEATS = 0.08, 0.04
RICH_FEN, POOR_FEN = 1_000_000, 20_000
FUNDER_FEN = 400_000
"""What the buyer has: with much everything is paid in time and lent on, with little loans are late and worked out."""
A_MOMENT = timedelta(seconds=1)
LEASE = timedelta(seconds=16)
"""What a killed process had claimed of the outbox is free again after this."""
OUTCOMES = {
    "financing": "SELECT state AS outcome, COUNT(*) AS many FROM lending_financing",
    "order loan": "SELECT state AS outcome, COUNT(*) AS many FROM lending_order_loan",
    "dealer loan": "SELECT state AS outcome, COUNT(*) AS many FROM lending_dealer_loan",
    "auction": "SELECT state AS outcome, COUNT(*) AS many FROM lending_auction",
    "loan event": "SELECT kind AS outcome, COUNT(*) AS many FROM lending_loan_event",
}
# A caller that did not get the answer is told that it was done before, or that what it saw is gone.
AGAIN = refused_by(
    "ALREADY_EXISTS",
    "STATE_CONFLICT",
    "NOT_FOUND",
    "MATCH_FAILED",
    "OFFER_EXPIRED",
    "LIMIT_EXCEEDED",
    "INSUFFICIENT_FUNDS",
    "AMOUNT_EXCEEDS_RECEIVABLE",
    "REPAYMENT_EXCEEDS_PAYOFF",
    "INVALID_ARGUMENT",
    "PERMISSION_DENIED",
)


def drawn(seed: int, count: int) -> list[int]:
    """The seeds of that many steps."""
    rng = random.Random(seed)
    return [rng.getrandbits(32) for _ in range(count)]


class HistoryBroken(AssertionError):
    """A law is broken: tells after which steps."""


class History:
    """Plays steps; `counted` has each kind by how it ended."""

    def __init__(self, database: Database) -> None:
        numbers = itertools.count(1)
        self.life = Life(LendingWorld(database, FixedClock(START), lambda: f"id-{next(numbers):08d}"))
        self.life.world.trade.erps.page_size = 200
        self.life.world.erps.buyers.add(BUYER)
        self.checks = Checks(self.life)
        self.counted: Counter[str] = Counter()
        self._path: list[str] = []

    async def play(self, steps: Sequence[int], *, ends: bool = True) -> None:
        """All steps, then the end. Raises HistoryBroken."""
        done = 0
        try:
            await self.begin(steps[0])
            for step in steps:
                await self.step(step)
                done += 1
            if ends:
                await come_to_an_end(self.life)
            await self.end()
        except Exception as error:
            told = f"step {done + 1} of {len(steps)}, behind {', '.join(self._path[-8:])}"
            raise HistoryBroken(f"{told}: {type(error).__name__}: {error}") from error

    async def end(self) -> None:
        """The last check. Counts what became of applications, auctions and loans: what was done may lead to nothing."""
        await self.checks.check()
        for name, sql in OUTCOMES.items():
            for row in await self.life.rows(f"{sql} GROUP BY 1"):
                self.counted[f"{name} {row['outcome']}"] += row["many"]

    @property
    def steps(self) -> int:
        """How many did something, or were refused; what was done again counts as another."""
        return sum(many for name, many in self.counted.items() if name.endswith((" done", " refused")))

    async def begin(self, seed: int) -> None:
        """Who there is, and what they have."""
        rng = random.Random(seed)
        buyer_fen = rng.choice([RICH_FEN, RICH_FEN, POOR_FEN])
        for party, fen in ((BUYER, buyer_fen), (SUPPLIER, 20_000), (SECOND_TIER, 5_000)):
            await self.life.world.fund(party, fen)
        await self.life.world.fund(self.life.citizen.subject, 300_000)
        for funder in bidding.FUNDERS:
            await self.life.world.fund(funder, FUNDER_FEN)
            await self.life.run(lambda funder=funder: self.life.service.auctions.admit(funder))
        await dealing.begin(self.life, rng)

    async def step(self, seed: int) -> None:
        """One step, drawn from its seed and from how things stand, and the checks."""
        rng = random.Random(seed)
        self.life.world.clock.advance(A_MOMENT)
        with self.life.standing_still():
            kind, act = await self._planned(rng)
        self._path.append(kind)
        how = rng.random()
        if how < CRASHES:
            await self._crash(kind, act, rng.choice([rng.randint(1, 8), rng.randint(1, 50), rng.randint(1, 200)]))
        else:
            await self._do(kind, act)
        if CRASHES <= how < CRASHES + REPEATS:
            await self.checks.check()
            self.counted["repeated"] += 1
            await self._do(kind, Act(act.do, act.refusals | AGAIN), again=True)
        await self.checks.check()

    async def _planned(self, rng: random.Random) -> tuple[str, Act]:
        """Something that can be tried as things stand, mostly of the kinds that weigh more."""
        while True:
            kind = rng.choices(NAMES, WEIGHTS)[0]
            act = await KINDS[kind][1](self.life, rng)
            if act is not None:
                return kind, act

    async def _do(self, kind: str, act: Act, *, again: bool = False) -> None:
        name = "again" if again else kind
        try:
            await act.do()
        except HuilianError as error:
            if error.code not in act.refusals:
                raise
            self.counted[f"{name} refused"] += 1
        else:
            assert not act.certain, f"{kind} was to be refused: {sorted(act.refusals)}"
            self.counted[f"{name} done"] += 1

    async def _crash(self, kind: str, act: Act, statement: int) -> None:
        """The process dies before that statement; if there is none, the step was done."""
        database, dies = self.life.world.database, _Death(statement)
        database.on_statement = dies
        try:
            await self._do(kind, act)
        except Broken:
            pass
        finally:
            database.on_statement = None
        if not dies.dead:
            return
        self.counted["crashed"] += 1
        self.life.restart()
        await self.checks.check()
        self.life.world.clock.advance(LEASE)
        await self._do(kind, Act(act.do, act.refusals | AGAIN, act.certain))


class _Death:
    """No statement of a dead process reaches the database."""

    def __init__(self, statement: int) -> None:
        self._left = statement
        self.dead = False

    def __call__(self, sql: str) -> None:
        self._left -= 1
        self.dead = self.dead or self._left <= 0
        if self.dead:
            raise Broken


async def shrunk(steps: list[int], breaks: Callable[[list[int]], object]) -> list[int]:
    """Fewer steps that still break: larger parts are left out first, then smaller ones. `breaks` is awaited."""
    size = max(1, len(steps) // 2)
    while size:
        start = 0
        while start < len(steps):
            fewer = steps[:start] + steps[start + size :]
            if fewer and await breaks(fewer):  # type: ignore[misc]
                steps = fewer
            else:
                start += size
        size //= 2
    return steps
