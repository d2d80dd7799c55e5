"""A party's account over a period: opening, movements and closing agree with the books, whatever the period."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from huilian.accounting.v1 import accounting_service_pb2 as pb
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.accounting.account_statements import statement_of
from hub.accounting.closing import Closes
from hub.accounting.rpc import AccountingServicer
from hub.accounting.service import deposit_account
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from tests.unit.hub.accounting.reconciliation_world import DAY, PARTY, Bank

DAYS = 6


async def moved(bank: Bank) -> dict[date, int]:
    """Movements on random days, money first; what the account has at the end of each day."""
    await bank.open()
    choice, balances, balance = random.Random(5), dict[date, int](), 0
    for number in range(DAYS):
        day = DAY + timedelta(days=number)
        for index in range(choice.randint(0, 3)):
            fen = choice.randint(1, 500) * (1 if not balance else choice.choice((1, -1)))
            fen = max(fen, -balance)
            await bank.move(f"{number}-{index}", day, fen)
            balance += fen
        balances[day] = balance
    return balances


async def test_every_period_opens_and_closes_as_the_books_say(database: Database, clock: FixedClock) -> None:
    bank = Bank(database, clock)
    balances = await moved(bank)
    for first in range(DAYS):
        for last in range(first, DAYS):
            begin, end = DAY + timedelta(days=first), DAY + timedelta(days=last)
            made = await statement_of(database, PARTY, begin, end)
            assert made.opening_fen == balances.get(begin - timedelta(days=1), 0)
            assert made.closing_fen == balances[end]
            assert made.opening_fen + sum(one.amount_fen for one in made.movements) == made.closing_fen
            assert all(begin <= one.booked_on <= end for one in made.movements)
    assert balances[DAY + timedelta(days=DAYS - 1)] == await bank.book.balance_fen(deposit_account(PARTY))
    for first_day, last_day in ((DAY, DAY - timedelta(days=1)), (DAY, DAY + timedelta(days=366))):
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            await statement_of(database, PARTY, first_day, last_day)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await statement_of(database, "nobody", DAY, DAY)


async def test_a_closed_period_never_changes(database: Database, clock: FixedClock) -> None:
    bank = Bank(database, clock)
    await bank.open()
    await bank.move("before", DAY, 100)
    closes = Closes(database, clock, bank.book)
    async with database.transaction():
        await closes.end(await closes.begin(DAY))
    sealed = await statement_of(database, PARTY, DAY, DAY)
    await bank.move("late", DAY, 7)
    assert await statement_of(database, PARTY, DAY, DAY) == sealed
    next_day = await statement_of(database, PARTY, DAY + timedelta(days=1), DAY + timedelta(days=1))
    assert [(one.value_date, one.amount_fen) for one in next_day.movements] == [(DAY, 7)]


async def test_parties_see_their_own(database: Database, clock: FixedClock) -> None:
    bank = Bank(database, clock)
    await bank.open()
    await bank.move("one", DAY, 100)
    idempotency, closes = Idempotency(database, clock), Closes(database, clock, bank.book)
    served = AccountingServicer(database, closes, closes.begin, idempotency)
    request = pb.GetAccountStatementRequest(party_id=PARTY, first_day=str(DAY), last_day=str(DAY))
    for caller in (Caller(PARTY, Role.ENTERPRISE), Caller("operator.desk", Role.OPERATOR)):
        set_current_caller(caller)
        answer = await served.GetAccountStatement(request, None)
        assert (answer.opening_fen, answer.closing_fen, len(answer.movements)) == (0, 100, 1)
    set_current_caller(Caller("91449900MA0H00010W", Role.ENTERPRISE))
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await served.GetAccountStatement(request, None)
    set_current_caller(ANONYMOUS)
