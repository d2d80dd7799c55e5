"""Charge-off, recovery and restructuring in the engine."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from huilian_loans import (
    ChargeOff,
    DayCount,
    Draw,
    EngineError,
    Event,
    Kind,
    Plan,
    Recover,
    Repay,
    Restructure,
    Reverse,
    Terms,
    is_late,
    payoff,
    position,
    replay,
)
from huilian_loans.projection import project
from hypothesis import given, settings
from hypothesis import strategies as st

START = date(2026, 1, 1)
DUE = date(2026, 4, 1)
TERMS = Terms(Decimal("0.036"), DayCount.ACT_360, maturity=DUE, penalty_multiplier=Decimal("1.5"))
LOAN: list[Event] = [Draw(sequence=0, value_date=START, amount_fen=10_000_000)]
THREE = (date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1))


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_a_charge_off_gives_up_all_that_is_owed() -> None:
    events = [*LOAN, ChargeOff(sequence=1, value_date=day(100))]
    given_up = replay(TERMS, events)[-1].paid
    assert given_up == payoff(TERMS, LOAN, day(100))
    # 10 yuan a day until the due date, then half as much again.
    assert given_up.interest_fen == 90 * 1_000 + 10 * 1_500
    at = position(TERMS, events, day(400))
    assert at.written_off_fen == given_up.total_fen and payoff(TERMS, events, day(400)).total_fen == 0


def test_recovery_is_never_more_than_was_given_up() -> None:
    events: list[Event] = [*LOAN, ChargeOff(sequence=1, value_date=day(100))]
    total = position(TERMS, events, day(100)).written_off_fen
    events.append(Recover(sequence=2, value_date=day(200), amount_fen=total - 1))
    assert position(TERMS, events, day(200)).written_off_fen == 1
    with pytest.raises(EngineError, match="REPAYMENT_EXCEEDS_PAYOFF"):
        replay(TERMS, [*events, Recover(sequence=3, value_date=day(201), amount_fen=2)])
    with pytest.raises(EngineError, match="REPAYMENT_EXCEEDS_PAYOFF"):
        replay(TERMS, [*events, Repay(sequence=3, value_date=day(201), amount_fen=1)])


def test_nothing_to_charge_off() -> None:
    paid = Repay(sequence=1, value_date=START, amount_fen=10_000_000)
    with pytest.raises(EngineError, match="STATE_CONFLICT"):
        replay(TERMS, [*LOAN, paid, ChargeOff(sequence=2, value_date=day(1))])


def test_a_charge_off_that_was_reversed_never_was() -> None:
    events = [
        *LOAN,
        ChargeOff(sequence=1, value_date=day(100)),
        Reverse(sequence=2, value_date=day(110), reversed_sequence=1),
    ]
    assert payoff(TERMS, events, day(120)) == payoff(TERMS, LOAN, day(120))


def test_a_restructuring_ends_the_penalty_and_spreads_what_is_left() -> None:
    agreed = Restructure(
        sequence=1, value_date=day(100), annual_rate=Decimal("0.048"), plan=Plan(Kind.EQUAL_PRINCIPAL, THREE)
    )
    events = [*LOAN, agreed]
    assert payoff(TERMS, events, day(100)) == payoff(TERMS, LOAN, day(100)), "what was owed is owed"
    assert payoff(TERMS, events, day(110)).interest_fen == 105_000 + 10 * 1_333 + 3  # 13,333.33 fen in ten days
    assert not is_late(TERMS, position(TERMS, events, THREE[0]))
    assert is_late(TERMS, position(TERMS, events, THREE[0] + timedelta(days=1)))
    # The first period ends on the old due date, the second with the agreement.
    periods = project(TERMS, events, day(100))
    assert [int(period.principal_due_fen) for period in periods[2:]] == [3_333_333, 3_333_333, 3_333_334]
    assert periods[-1].closing_principal_fen == 0


def test_a_plan_begins_after_it_is_agreed_on() -> None:
    plan = Plan(Kind.EQUAL_PRINCIPAL, THREE)
    with pytest.raises(EngineError, match="STATE_CONFLICT"):
        replay(TERMS, [*LOAN, Restructure(sequence=1, value_date=THREE[0], annual_rate=Decimal(0), plan=plan)])


@given(
    st.lists(st.tuples(st.integers(0, 180), st.integers(1, 1_000_000)), max_size=5),
    st.integers(0, 115),
    st.sampled_from([Kind.EQUAL_INSTALMENT, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_ONLY]),
    st.integers(0, 400),
)
@settings(max_examples=100, deadline=None)
def test_a_restructured_loan_is_settled_by_its_payoff(
    repaid: list[tuple[int, int]], agreed_on: int, kind: Kind, after: int
) -> None:
    plan = Plan(kind, THREE, grace_days=5)
    events = [*LOAN, Restructure(sequence=1, value_date=day(agreed_on), annual_rate=Decimal("0.05"), plan=plan)]
    events += [Repay(sequence=n, value_date=day(d), amount_fen=fen) for n, (d, fen) in enumerate(repaid, start=2)]
    when = day(max([agreed_on, *(d for d, _ in repaid)]) + after)
    quoted = payoff(TERMS, events, when)
    settled = [*events, Repay(sequence=50, value_date=when, amount_fen=quoted.total_fen)]
    assert replay(TERMS, settled)[-1].paid == quoted
    assert payoff(TERMS, settled, when + timedelta(days=1000)).total_fen == 0
    given_up = [*events, ChargeOff(sequence=50, value_date=when)]
    assert position(TERMS, given_up, when + timedelta(days=1000)).written_off_fen == quoted.total_fen
