"""Day closes: exact to the fen, one day after the other, stopped anywhere, never changed again."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from huilian_protocol.errors import HuilianError

from hub.accounting.closing import CLOSING
from hub.platform.business_day import business_date
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.day_closes import add_loan, check_close, engine_figures, something_happens
from tests.unit.hub.lending.test_workouts import LOAN, _random_step, check
from tests.unit.hub.lending.world import SUPPLIER, LendingWorld, refused

pytestmark = ON_SQLITE


def today(world: LendingWorld) -> date:
    return business_date(world.clock.now())


def next_morning(world: LendingWorld) -> date:
    """Moves the clock a day ahead; the day that is over."""
    world.clock.advance(timedelta(days=1))
    return today(world) - timedelta(days=1)


async def test_a_day_takes_in_what_was_earned_and_paying_it_clears_it(world: LendingWorld) -> None:
    await world.disbursed()
    day = next_morning(world)
    await check_close(world, await world.service.day_close.close(day))
    assert await engine_figures(world.database, day) == {}, "the day of the draw earns nothing until it is over"
    day = next_morning(world)
    close = await world.service.day_close.close(day)
    await check_close(world, close)
    assert close.accrued_fen > 0
    owed = (await world.service.loans.get(SUPPLIER, LOAN)).owed
    await world.fund(SUPPLIER, 100)
    await world.repay(SUPPLIER, int(owed.total_fen), LOAN)
    last = await world.service.day_close.close(next_morning(world))
    await check_close(world, last)
    assert last.accrued_fen == 0
    assert await world.book.balance_fen("bank:interest-income") == owed.interest_fen
    await check(world)


async def test_days_are_closed_in_order_when_they_are_over_and_once(world: LendingWorld) -> None:
    await world.disbursed()
    await refused("INVALID_ARGUMENT", world.service.day_close.close(today(world)))
    await refused("INVALID_ARGUMENT", world.service.day_close.close(date(1, 1, 1)))
    first = next_morning(world)
    done = await world.service.day_close.close(first)
    before = await world.snapshot()
    assert await world.service.day_close.close(first) == done
    assert await world.snapshot() == before, "again it changes nothing"
    next_morning(world)
    await refused("STATE_CONFLICT", world.service.day_close.close(next_morning(world)))
    await world.service.day_close.close(first + timedelta(days=1))
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        await world.service.day_close.close(first - timedelta(days=1))


async def test_the_outbox_carries_a_close_out(world: LendingWorld) -> None:
    await world.disbursed()
    next_morning(world)
    day = next_morning(world)
    assert (await world.run(lambda: world.service.day_close.ask(day))).state == CLOSING
    assert (await world.run(lambda: world.service.day_close.ask(day))).state == CLOSING
    await world.settle_outbox()
    await check_close(world, await world.closes.get(day))


@ON_BOTH
async def test_a_close_that_breaks_anywhere_is_taken_up_again(world: LendingWorld) -> None:
    rng, start = random.Random(1), today(world)
    for number in range(7):
        await add_loan(rng, f"loan-{number:04d}", start)
    next_morning(world)
    day = next_morning(world)
    world.service.day_close._size = 3
    broken = 0
    async for _ in break_at_each_statement(world.database, lambda: world.service.day_close.close(day)):
        broken += 1
        assert (await world.book.trial_balance()).difference_fen == 0
    assert broken > 10
    await check_close(world, await world.closes.get(day))


@ON_BOTH
async def test_a_closed_day_takes_nothing_more(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(SUPPLIER, 10_000)
    world.clock.advance(timedelta(days=5))
    day = today(world) - timedelta(days=1)
    close = await world.service.day_close.close(day)
    await world.run(lambda: world.service.workouts.repay_back_dated(LOAN, SUPPLIER, 1_000, day))
    assert await world.closes.get(day) == close
    sql = "SELECT value_date, booked_on FROM accounting_journal WHERE narrative = 'back-dated repayment'"
    row = (await world.database.fetch(sql))[0]
    assert (str(row["value_date"]), str(row["booked_on"])) == (str(day), str(today(world)))
    await _refused_by_database(world, f"UPDATE accounting_day SET accrued_fen = 0 WHERE business_day = '{day}'")
    await _refused_by_database(world, "DELETE FROM accounting_day")
    await _refused_by_database(world, "DELETE FROM lending_accrual")
    late = "INSERT INTO accounting_journal (journal_id, value_date, narrative, content_sha256, posted_at)"
    await _refused_by_database(world, f"{late} VALUES ('x', '{day}', '', '', '2026-03-02')")
    following = await world.service.day_close.close(next_morning(world))
    await check_close(world, following)


async def _refused_by_database(world: LendingWorld, sql: str) -> None:
    with pytest.raises(Exception, match=r"closed|kept|immutable"):
        await world.database.execute(sql)


@pytest.mark.parametrize("seed", range(4))
async def test_sql_and_engine_say_the_same_to_the_fen(world: LendingWorld, seed: int) -> None:
    """Loans of every kind live; each close is what the engine says, late closes among them."""
    rng, ids = random.Random(seed), [f"loan-{number:04d}" for number in range(14)]
    world.service.day_close._size = 5
    for loan_id in ids[:7]:
        await add_loan(rng, loan_id, today(world))
    closed = today(world) - timedelta(days=1)
    for round_number in range(24):
        world.clock.advance(timedelta(days=rng.choice([0, 1, 1, 2, 5])))
        if round_number < 7:
            await add_loan(rng, ids[7 + round_number], today(world))
        for loan_id in rng.sample(ids[: 8 + min(round_number, 6)], 3):
            await something_happens(world.database, rng, loan_id, today(world))
        while closed + timedelta(days=1) < today(world) and rng.random() < 0.8:
            closed += timedelta(days=1)
            await check_close(world, await world.service.day_close.close(closed))


@pytest.mark.parametrize("seed", range(3))
async def test_random_corrections_with_closes_in_between(world: LendingWorld, seed: int) -> None:
    """Books = replay of the events at every close; what was closed never changes."""
    rng = random.Random(seed)
    await world.disbursed()
    await world.fund(SUPPLIER, 1_000_000)
    closed, kept = today(world) - timedelta(days=1), []
    for _ in range(25):
        world.clock.advance(timedelta(days=rng.choice([0, 1, 3])))
        try:
            await _random_step(world, rng)
        except HuilianError as error:
            assert error.code in {"NOT_FOUND", "STATE_CONFLICT", "REPAYMENT_EXCEEDS_PAYOFF"}, error
        while closed + timedelta(days=1) < today(world) and rng.random() < 0.7:
            closed += timedelta(days=1)
            kept.append(await world.service.day_close.close(closed))
            await check_close(world, kept[-1])
        await check(world)
    assert len(kept) > 5
    assert [await world.closes.get(one.business_day) for one in kept] == kept
