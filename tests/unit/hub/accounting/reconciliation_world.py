"""Books with a bank account elsewhere, and statements derived from them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

from huilian_protocol.clock import FixedClock

from hub.accounting.case_rules import Case, CaseState
from hub.accounting.cases import Cases
from hub.accounting.matching import statement_reference
from hub.accounting.reconciliation import Reconciliation
from hub.accounting.service import AccountKind, EmbeddedBook, Line, deposit_account
from hub.accounting.stored_reconciliation import Imported
from hub.platform.database import Database
from tests.support.statements import Movement, Stated

DAY = date(2026, 2, 2)
LAST = DAY + timedelta(days=9)
PARTY = "91310000MA1FL0A01X"
ONE, TWO = "operator.one", "operator.two"

Result = TypeVar("Result")


class Bank:
    """One bank of which we hold `accounts` accounts."""

    def __init__(self, database: Database, clock: FixedClock, accounts: int = 1) -> None:
        self.database, self.clock = database, clock
        self.book = EmbeddedBook(database, clock)
        self.cases = Cases(database, clock, self.book)
        self.numbers = [f"NUMBER-{index}" for index in range(accounts)]
        known = {number: account_of(number) for number in self.numbers}
        self.reconciliation = Reconciliation(database, clock, self.book, self.cases, known)

    async def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """In one transaction."""
        async with self.database.transaction():
            return await work()

    async def open(self) -> None:
        """Accounts of the books."""
        async with self.database.transaction():
            await self.book.open_account(deposit_account(PARTY), PARTY, AccountKind.DEPOSIT)
            for number in self.numbers:
                await self.book.open_account(account_of(number), "bank", AccountKind.CASH)

    async def move(self, journal_id: str, day: date, fen: int, number: str = "NUMBER-0") -> None:
        """Money of the party that comes (above 0) or goes."""
        more, less = max(fen, 0), max(-fen, 0)
        lines = [Line(account_of(number), more, less), Line(deposit_account(PARTY), less, more)]
        async with self.database.transaction():
            await self.book.post(journal_id, day, "movement", lines)

    async def take_in(self, stated: Stated, operator: str = ONE) -> Imported:
        """Imports a statement."""
        (imported,) = await self.run(lambda: self.reconciliation.import_statements(operator, stated.document()))
        return imported

    async def open_cases(self) -> list[Case]:
        """Cases that are not closed, oldest item first."""
        found = (await self.cases.page(None, None, 500, "")).items
        live = [case for case in found if case.state is not CaseState.CLOSED]
        return sorted(live, key=lambda case: (case.difference.item_date, case.difference.item_id))


def account_of(number: str) -> str:
    """The account in our books."""
    return f"cash:{number}"


def random_journals(choice: random.Random, number: str) -> list[tuple[str, date, int]]:
    """Journals with amounts of which no two are the same, so that amounts alone identify them; money comes first."""
    amounts = choice.sample(range(1, 10_000), choice.randint(3, 12))
    days = sorted(DAY + timedelta(days=choice.randint(0, 4)) for _ in amounts)
    funded = [(f"{number}-fund", DAY, 1_000_000_00)]
    moved = zip(days, amounts, strict=True)
    return funded + [(f"{number}-{index}", day, fen * choice.choice((1, -1))) for index, (day, fen) in enumerate(moved)]


def derived(choice: random.Random, number: str, journals: list[tuple[str, date, int]]) -> Stated:
    """The statement of an honest bank: some entries with our reference, the others up to three days later."""
    movements = []
    for journal_id, day, fen in journals:
        named = choice.random() < 0.6
        late = timedelta(days=0 if named else choice.randint(0, 3))
        movements.append(Movement(day + late, fen, statement_reference(journal_id) if named else ""))
    choice.shuffle(movements)
    return Stated(1, DAY, LAST, 0, movements, number=number)


def changed(stated: Stated, index: int, movement: Movement) -> Stated:
    """The statement with one movement replaced."""
    return replace(stated, movements=[*stated.movements[:index], movement, *stated.movements[index + 1 :]])
