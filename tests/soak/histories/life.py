"""What a history has in its hands: the hub's parts over one database, the outside world, and what was done so far."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from hub.accounting.service import deposit_account
from hub.lending.loans.model import Loan
from hub.lending.service import LendingService
from hub.platform.business_day import business_date
from hub.receivables.service import ReceivablesService
from tests.soak.histories.goods import Goods
from tests.unit.hub.lending.world import LendingWorld

Answer = TypeVar("Answer")
Row = dict[str, Any]
Do = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Act:
    """What to try. `refusals` are the codes by which the state of things may refuse it; `certain`: one of them must."""

    do: Do
    refusals: frozenset[str] = field(default_factory=frozenset)
    certain: bool = False


Plan = Callable[["Life", random.Random], Awaitable[Act | None]]


class Life:
    """One history. `world` is another one after a restart: an act asks for it anew whenever it is done."""

    def __init__(self, world: LendingWorld) -> None:
        self.world = world
        self.goods = Goods()
        self.citizen = world.borrower()
        self._number = 1000
        self._seen: dict[tuple[object, ...], Any] | None = None

    @property
    def service(self) -> LendingService:
        """Lending."""
        return self.world.service

    @property
    def receivables(self) -> ReceivablesService:
        """Receivables, as their parties and lending see them."""
        return self.world.trade.service

    @property
    def today(self) -> date:
        """The business day."""
        return business_date(self.world.clock.now())

    def name(self, kind: str) -> str:
        """A new name; the numbers of one history are all different."""
        self._number += 1
        return f"{kind}-{self._number}"

    async def rows(self, sql: str, *values: object) -> list[Row]:
        """What is stored, as it is seen before an act."""
        return list(await self._once((sql, *values), lambda: self.world.database.fetch(sql, *values)))

    async def loan(self, loan_id: str) -> Loan:
        """A loan as of today, as it is seen before an act."""
        return await self._once(("loan", loan_id), lambda: self.service.loans.find(loan_id))

    async def _once(self, asked: tuple[object, ...], ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer, remembered as long as nothing is written."""
        if self._seen is None:
            return await ask()
        if asked not in self._seen:
            self._seen[asked] = await ask()
        answer: Answer = self._seen[asked]
        return answer

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Nothing is written in this block: what was read once need not be read again."""
        self._seen = {}
        try:
            yield
        finally:
            self._seen = None

    async def run(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        """One use case in one transaction."""
        return await self.world.run(use_case)

    async def has(self, party: str) -> int:
        """What a party has on its account, in fen."""
        sql = "SELECT guarded_fen FROM accounting_account WHERE account_id = $1"
        found = await self.rows(sql, deposit_account(party))
        return int(found[0]["guarded_fen"]) if found else 0

    async def drain(self) -> None:
        """Deliver what is due and what follows from it."""
        await self.world.outbox.drain()

    def restart(self) -> None:
        """The process is killed and started again: other objects over the same database, the same outside world."""
        self.world = self.world.restarted()


def refused_by(*codes: str) -> frozenset[str]:
    """The codes of an act."""
    return frozenset(codes)


def fitting(rng: random.Random, good: list[Row], any_: list[Row]) -> Row | None:
    """Mostly one with which the step can succeed, now and then any."""
    return one_of(rng, good if rng.random() < 0.93 else any_)


def one_of(rng: random.Random, found: list[Row]) -> Row | None:
    """Any, or None of none."""
    return rng.choice(found) if found else None


def day_of(value: Any) -> date:
    """A date of either database."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def moment_of(value: Any) -> datetime:
    """A moment of either database, UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
