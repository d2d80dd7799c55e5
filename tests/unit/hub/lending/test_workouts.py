"""Recourse, buy-back, restructuring, charge-off and corrections: states, books, and replay in order of days."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from huilian_loans import payoff, replay
from huilian_loans.documents import read_terms
from huilian_protocol.errors import HuilianError

from hub.lending.loans.model import Loan
from hub.lending.loans.stored import REPAYMENT, REVERSAL, LoanEventRecord, engine_events
from hub.lending.rules import ALLOWED_IN, LoanAction, LoanState, check_action
from hub.lending.workouts.desk import Workouts
from hub.receivables.service import CertificateState
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.test_restructurings import LOAN, PLAN, overdue, restructured
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE


async def do(world: LendingWorld, action: Callable[[Workouts], Awaitable[Loan]]) -> Loan:
    return await world.run(lambda: action(world.service.workouts))


async def certificate_state(world: LendingWorld) -> CertificateState:
    return (await world.trade.service.get_certificate("certificate-1")).state


async def check(world: LendingWorld) -> None:
    """Books = events: principal, and interest and fees that came in, by what a replay of the events says."""
    await world.check_books()
    interest = fees = 0
    for row in await world.database.fetch("SELECT loan_id, borrower FROM lending_loan"):
        loan = await world.service.loans.get(row["borrower"], row["loan_id"])
        for applied in replay(read_terms(loan.record.terms), engine_events(list(loan.events))):
            if type(applied.event).__name__ == "Repay":
                interest += int(applied.paid.interest_fen)
                fees += int(applied.paid.fees_fen)
    assert await world.book.balance_fen("bank:interest-income") == interest
    assert await world.book.balance_fen("bank:fee-income") == fees


async def test_recourse_takes_from_the_borrower_and_the_rest_later(world: LendingWorld) -> None:
    owed = int((await overdue(world)).owed.total_fen)
    await world.fund(SUPPLIER, 10_000)
    loan = await do(world, lambda desk: desk.recourse(LOAN, 20_000))
    assert loan.state is LoanState.RECOURSE and int(loan.owed.total_fen) == owed - 20_000
    assert loan.in_arrears
    assert await certificate_state(world) is CertificateState.FINANCED
    await check(world)
    loan = await do(world, lambda desk: desk.recourse(LOAN, 10**9))
    assert loan.state is LoanState.CLOSED and loan.owed.total_fen == 0
    assert await certificate_state(world) is CertificateState.HELD, "it is the borrower's again"
    assert (await world.service.limits.get(f"receivable-loan:{BUYER}")).utilised_fen == 0
    await check(world)


async def test_nobody_answers_for_a_buyer_who_is_not_late(world: LendingWorld) -> None:
    await world.disbursed()
    await refused("STATE_CONFLICT", do(world, lambda desk: desk.recourse(LOAN, 1)))
    await refused("STATE_CONFLICT", do(world, lambda desk: desk.charge_off(LOAN)))
    await refused("NOT_FOUND", do(world, lambda desk: desk.charge_off("loan-none")))


async def test_buying_back_costs_the_payoff_and_ends_the_loan(world: LendingWorld) -> None:
    await world.disbursed()
    owed = int((await world.service.loans.payoff(SUPPLIER, LOAN)).total_fen)
    await world.fund(BUYER, owed)
    loan = await do(world, lambda desk: desk.buy_back(LOAN, BUYER))
    assert loan.state is LoanState.BOUGHT_BACK and await world.balance(BUYER) == 0
    assert await certificate_state(world) is CertificateState.HELD
    await refused("STATE_CONFLICT", do(world, lambda desk: desk.buy_back(LOAN, BUYER)))
    await check(world)


async def test_who_cannot_pay_buys_nothing_back(world: LendingWorld) -> None:
    await overdue(world)
    await world.fund(BUYER, 1)
    await refused("INSUFFICIENT_FUNDS", do(world, lambda desk: desk.buy_back(LOAN, BUYER)))
    await check(world)


async def test_a_charge_off_is_a_loss_and_what_comes_later_a_recovery(world: LendingWorld) -> None:
    owed = (await overdue(world)).owed
    loan = await do(world, lambda desk: desk.charge_off(LOAN))
    assert loan.state is LoanState.CHARGED_OFF and loan.written_off_fen == owed.total_fen
    assert [known.in_arrears for known in await world.service.loans.open_of(SUPPLIER)] == [True], "decisions count it"
    assert await world.book.balance_fen("bank:credit-losses") == owed.principal_fen
    assert await world.book.balance_fen(f"loan:{LOAN}") == 0
    await check(world)
    await refused("STATE_CONFLICT", world.repay(SUPPLIER, 1, LOAN))
    await refused(
        "REPAYMENT_EXCEEDS_PAYOFF", do(world, lambda desk: desk.recover(LOAN, SUPPLIER, loan.written_off_fen + 1))
    )
    loan = await do(world, lambda desk: desk.recover(LOAN, SUPPLIER, 1_000))
    assert loan.state is LoanState.CHARGED_OFF
    assert await world.book.balance_fen("bank:recoveries") == 1_000
    await check(world)


async def test_a_buyer_who_pays_after_the_charge_off_pays_the_bank_first(world: LendingWorld) -> None:
    await overdue(world)
    loan = await do(world, lambda desk: desk.charge_off(LOAN))
    before = await world.balance(SUPPLIER)
    await world.fund(BUYER, 100_000)
    cleared = await world.service.tick()
    assert len(cleared.settled) == 1
    assert await world.book.balance_fen("bank:recoveries") == loan.written_off_fen
    assert await world.balance(BUYER) == 100_000 - 50_020
    assert await world.balance(SUPPLIER) == before + 50_020 - loan.written_off_fen
    assert (await world.service.loans.get(SUPPLIER, LOAN)).state is LoanState.CLOSED
    await check(world)


async def test_a_restructured_loan_is_paid_in_instalments(world: LendingWorld) -> None:
    before = await overdue(world)
    loan = await restructured(world, "0.06", date(2026, 8, 20), PLAN)
    assert loan.state is LoanState.ACTIVE and loan.owed == before.owed, "what was owed is owed"
    assert before.in_arrears and not loan.in_arrears
    assert loan.record.maturity == date(2026, 8, 20)
    assert loan.record.terms == before.record.terms, "the contract as signed is kept"
    await world.fund(SUPPLIER, 5_000)
    move_to(world.clock, at_noon(2026, 5, 21))
    assert (await world.service.loans.get(SUPPLIER, LOAN)).state is LoanState.OVERDUE
    await world.repay(SUPPLIER, 15_000, LOAN)
    assert (await world.service.loans.get(SUPPLIER, LOAN)).state is LoanState.ACTIVE
    owed = await world.service.loans.payoff(SUPPLIER, LOAN)
    loan = await world.repay(SUPPLIER, int(owed.total_fen), LOAN)
    assert loan.state is LoanState.CLOSED
    await check(world)


@ON_BOTH
async def test_a_back_dated_repayment_re_spreads_the_later_one(world: LendingWorld) -> None:
    await world.disbursed()
    world.clock.advance(timedelta(days=20))
    await world.repay(SUPPLIER, 10_000, LOAN)
    world.clock.advance(timedelta(days=5))
    loan = await do(world, lambda desk: desk.repay_back_dated(LOAN, SUPPLIER, 20_000, date(2026, 3, 12)))
    moved = loan.events[-1].difference
    assert moved.interest_fen < 0 and moved.principal_fen == -moved.interest_fen, "less interest, more principal"
    rows = await world.database.fetch("SELECT journal_id FROM accounting_journal WHERE journal_id LIKE '%:difference'")
    assert len(rows) == 1
    assert twin(loan) == loan.owed
    await check(world)


async def test_a_back_dated_repayment_keeps_to_the_loan_s_life(world: LendingWorld) -> None:
    await world.disbursed()
    too_early = do(world, lambda desk: desk.repay_back_dated(LOAN, SUPPLIER, 1, date(2026, 3, 1)))
    await refused("INVALID_ARGUMENT", too_early)
    ahead = do(world, lambda desk: desk.repay_back_dated(LOAN, SUPPLIER, 1, date(2026, 3, 3)))
    await refused("INVALID_ARGUMENT", ahead)
    await world.fund(SUPPLIER, 10_000)
    world.clock.advance(timedelta(days=20))
    owed = int((await world.service.loans.payoff(SUPPLIER, LOAN)).total_fen)
    await world.repay(SUPPLIER, owed - 100, LOAN)
    too_much = do(world, lambda desk: desk.repay_back_dated(LOAN, SUPPLIER, 5_000, date(2026, 3, 12)))
    await refused("REPAYMENT_EXCEEDS_PAYOFF", too_much)
    await check(world)


async def test_a_bounced_repayment_never_was(world: LendingWorld) -> None:
    await world.disbursed()
    world.clock.advance(timedelta(days=10))
    before = await world.balance(SUPPLIER)
    booked = (await world.repay(SUPPLIER, 10_000, LOAN)).events[-1]
    world.clock.advance(timedelta(days=5))
    await world.repay(SUPPLIER, 10_000, LOAN)
    loan = await do(world, lambda desk: desk.reverse(LOAN, booked.sequence))
    assert await world.balance(SUPPLIER) == before - 10_000
    assert twin(loan) == loan.owed
    await check(world)
    await refused("NOT_FOUND", do(world, lambda desk: desk.reverse(LOAN, booked.sequence)))
    await refused("NOT_FOUND", do(world, lambda desk: desk.reverse(LOAN, 2)))
    await refused("NOT_FOUND", do(world, lambda desk: desk.reverse(LOAN, 0)))


async def test_what_the_buyer_paid_does_not_bounce_to_the_borrower(world: LendingWorld) -> None:
    await overdue(world)
    receivable_id = (await world.trade.service.get_certificate("certificate-1")).receivable_id
    await world.fund(BUYER, 10_000)
    await world.run(lambda: world.service.part_payments.pay_own(BUYER, "payment-1", receivable_id, 10_000))
    loan, had_fen = await world.service.loans.get(SUPPLIER, LOAN), await world.balance(SUPPLIER)
    await refused("NOT_FOUND", do(world, lambda desk: desk.reverse(LOAN, loan.events[-1].sequence)))
    assert await world.balance(SUPPLIER) == had_fen
    await check(world)


def twin(loan: Loan) -> object:
    """What is owed had everything been booked on its day and what bounced never been."""
    gone = {event.content["reversed_sequence"] for event in loan.events if event.kind == REVERSAL}
    standing = [event for event in loan.events if event.sequence not in gone and event.kind != REVERSAL]
    in_order = sorted(standing, key=lambda event: (event.value_date, event.sequence))
    renumbered = [replace(event, sequence=number) for number, event in enumerate(in_order)]
    return payoff(read_terms(loan.record.terms), engine_events(renumbered), loan.as_of)


@pytest.mark.parametrize("seed", range(3))
async def test_random_corrections_equal_a_chronological_life(world: LendingWorld, seed: int) -> None:
    rng = random.Random(seed)
    await world.disbursed()
    await world.fund(SUPPLIER, 1_000_000)
    done = 0
    for _ in range(25):
        world.clock.advance(timedelta(days=rng.choice([0, 1, 3])))
        try:
            loan = await _random_step(world, rng)
        except HuilianError as error:
            assert error.code in {"NOT_FOUND", "STATE_CONFLICT", "REPAYMENT_EXCEEDS_PAYOFF"}, error
            continue
        done += 1
        assert twin(loan) == loan.owed
        await check(world)
    assert done > 10


async def _random_step(world: LendingWorld, rng: random.Random) -> Loan:
    loan = await world.service.loans.get(SUPPLIER, LOAN)
    desk, amount = world.service.workouts, rng.randint(1, 2_500)
    if rng.random() < 0.4:
        return await world.repay(SUPPLIER, amount, LOAN)
    if rng.random() < 0.5:
        sequences = [event.sequence for event in loan.events if _is_payment(event)]
        return await world.run(lambda: desk.reverse(LOAN, rng.choice([*sequences, 99])))
    day = loan.as_of - timedelta(days=rng.randint(0, (loan.as_of - loan.events[0].value_date).days))
    return await world.run(lambda: desk.repay_back_dated(LOAN, SUPPLIER, amount, day))


def _is_payment(event: LoanEventRecord) -> bool:
    return event.kind == REPAYMENT


@pytest.mark.parametrize("action", list(LoanAction))
@pytest.mark.parametrize("state", list(LoanState))
def test_every_action_in_every_state(action: LoanAction, state: LoanState) -> None:
    if state in ALLOWED_IN[action]:
        check_action(state, action)
    else:
        with pytest.raises(HuilianError, match="STATE_CONFLICT"):
            check_action(state, action)
    assert not ALLOWED_IN[action] & {LoanState.CLOSED, LoanState.BOUGHT_BACK}, "what is over is over"
