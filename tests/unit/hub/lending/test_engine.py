"""The engine by hand and by property: replay, waterfall, rounding, payoff = what is really paid."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from huilian_loans import (
    Bucket,
    Capitalise,
    DayCount,
    Draw,
    EngineError,
    Event,
    FeeCharged,
    Interval,
    Payoff,
    RateChange,
    Repay,
    Reverse,
    Terms,
    payoff,
    position,
    replay,
)
from hypothesis import given, settings
from hypothesis import strategies as st

START = date(2026, 1, 1)
TERMS = Terms(annual_rate=Decimal("0.0435"), day_count=DayCount.ACT_360)


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(amount_fen: int = 10_000_000) -> Draw:
    return Draw(sequence=0, value_date=START, amount_fen=amount_fen)


def paid_in(*, fees: int, interest: int, principal: int) -> Payoff:
    return Payoff(Decimal(fees), Decimal(interest), Decimal(principal))


def test_interest_by_hand() -> None:
    """100,000 yuan at 4.35 % over 90 days on 360: 1,087.50 yuan."""
    owed = payoff(TERMS, [drawn()], day(90))
    assert owed == paid_in(fees=0, interest=108_750, principal=10_000_000)
    assert owed.total_fen == 10_108_750


def test_half_a_fen_rounds_up() -> None:
    terms = Terms(annual_rate=Decimal("0.036"), day_count=DayCount.ACT_360)
    assert payoff(terms, [drawn(5_000)], day(1)).interest_fen == 1  # 0.5 fen
    assert payoff(terms, [drawn(4_999)], day(1)).interest_fen == 0


def test_the_waterfall_pays_fees_then_interest_then_principal() -> None:
    events: list[Event] = [drawn(), FeeCharged(sequence=1, value_date=START, amount_fen=500)]
    events.append(Repay(sequence=2, value_date=day(90), amount_fen=109_500))
    paid = replay(TERMS, events)[-1].paid
    assert paid == paid_in(fees=500, interest=108_750, principal=250)


def test_the_waterfall_is_a_term() -> None:
    terms = Terms(Decimal("0.0435"), DayCount.ACT_360, waterfall=(Bucket.PRINCIPAL, Bucket.INTEREST, Bucket.FEES))
    paid = replay(terms, [drawn(), Repay(sequence=1, value_date=day(90), amount_fen=10_000_001)])[-1].paid
    assert paid == paid_in(fees=0, interest=1, principal=10_000_000)


def test_more_than_the_payoff_is_refused() -> None:
    events = [drawn(), Repay(sequence=1, value_date=day(90), amount_fen=10_108_751)]
    with pytest.raises(EngineError) as refused:
        replay(TERMS, events)
    assert refused.value.code == "REPAYMENT_EXCEEDS_PAYOFF"


def test_a_rate_change_counts_from_its_day() -> None:
    events = [drawn(), RateChange(sequence=1, value_date=day(30), annual_rate=Decimal("0.0870"))]
    assert payoff(TERMS, events, day(60)).interest_fen == 36_250 + 72_500


def test_principal_bears_penalty_after_maturity() -> None:
    terms = Terms(Decimal("0.0435"), DayCount.ACT_360, maturity=day(30), penalty_multiplier=Decimal("1.5"))
    assert payoff(terms, [drawn()], day(30)).interest_fen == 36_250
    assert payoff(terms, [drawn()], day(60)).interest_fen == 36_250 + 54_375


def test_capitalised_interest_bears_interest() -> None:
    at = position(TERMS, [drawn(), Capitalise(sequence=1, value_date=day(90))], day(90))
    assert at.principal_fen == 10_108_750
    assert at.accrual == 0


def test_a_reversed_event_never_was() -> None:
    repaid = Repay(sequence=1, value_date=day(10), amount_fen=5_000_000)
    reversed_again = [drawn(), repaid, Reverse(sequence=2, value_date=day(20), reversed_sequence=1)]
    assert payoff(TERMS, reversed_again, day(90)) == payoff(TERMS, [drawn()], day(90))
    assert payoff(TERMS, reversed_again, day(15)) == payoff(TERMS, [drawn()], day(15)), "nor before it was reversed"


def test_a_loan_without_events_owes_nothing() -> None:
    assert payoff(TERMS, [], day(10)).total_fen == 0


def test_later_events_do_not_change_the_past() -> None:
    events = [drawn(), Repay(sequence=1, value_date=day(50), amount_fen=10_000)]
    assert payoff(TERMS, events, day(49)) == payoff(TERMS, [drawn()], day(49))


# --- properties -----------------------------------------------------------------------------------------------------

RATES = st.decimals("0.0001", "0.36", places=4)
TERMS_OF_ANY_KIND = st.builds(
    Terms,
    annual_rate=RATES,
    day_count=st.sampled_from(DayCount),
    interval=st.sampled_from(Interval),
    maturity=st.none() | st.integers(1, 400).map(day),
    penalty_multiplier=st.sampled_from([Decimal(1), Decimal("1.3"), Decimal("1.5")]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Draws, fees, rate changes and repayments that a bank could book, in any order of value dates."""
    events: list[Event] = [drawn(draw(st.integers(10_000, 10**9)))]
    for sequence in range(1, draw(st.integers(1, 8))):
        when = day(draw(st.integers(0, 500)))
        kind = draw(st.sampled_from(["draw", "fee", "rate", "repay"]))
        if kind == "draw":
            events.append(Draw(sequence=sequence, value_date=when, amount_fen=draw(st.integers(1, 10**8))))
        elif kind == "fee":
            events.append(FeeCharged(sequence=sequence, value_date=when, amount_fen=draw(st.integers(1, 10**5))))
        elif kind == "rate":
            events.append(RateChange(sequence=sequence, value_date=when, annual_rate=draw(RATES)))
        else:
            events.append(Repay(sequence=sequence, value_date=when, amount_fen=draw(st.integers(1, 1_000))))
    return events


@given(TERMS_OF_ANY_KIND, histories(), st.integers(0, 900))
@settings(max_examples=150)
def test_the_payoff_quote_is_the_realised_payoff(terms: Terms, events: list[Event], after_days: int) -> None:
    when = max(event.value_date for event in events) + timedelta(days=after_days)
    quoted = payoff(terms, events, when)
    settled = [*events, Repay(sequence=99, value_date=when, amount_fen=quoted.total_fen)]
    applied = replay(terms, settled)[-1]
    assert applied.paid == quoted
    assert payoff(terms, settled, when + timedelta(days=3650)).total_fen == 0


@given(TERMS_OF_ANY_KIND, histories(), st.randoms())
@settings(max_examples=100)
def test_booking_order_does_not_matter(terms: Terms, events: list[Event], random: object) -> None:
    """An event booked late, on its value date, gives what it would have given on time."""
    shuffled: Sequence[Event] = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(terms, shuffled) == replay(terms, events)


@given(TERMS_OF_ANY_KIND, histories(), st.lists(st.integers(0, 900), min_size=1, max_size=5))
@settings(max_examples=100)
def test_looking_does_not_change_the_loan(terms: Terms, events: list[Event], looks: list[int]) -> None:
    end = day(901)
    expected = payoff(terms, events, end)
    nothing_new = [
        RateChange(sequence=50 + n, value_date=day(look), annual_rate=terms.annual_rate) for n, look in enumerate(looks)
    ]
    if not any(isinstance(event, RateChange) for event in events):
        assert payoff(terms, [*events, *nothing_new], end) == expected


@given(TERMS_OF_ANY_KIND, st.integers(10_000, 10**8), st.lists(st.integers(1, 365), min_size=1, max_size=30))
@settings(max_examples=100)
def test_paying_interest_often_costs_the_same_to_the_fen(terms: Terms, amount_fen: int, days: list[int]) -> None:
    events: list[Event] = [drawn(amount_fen)]
    for number, when in enumerate(sorted(days), start=1):
        interest = payoff(terms, events, day(when)).interest_fen
        events.append(Repay(sequence=number, value_date=day(when), amount_fen=interest))
    once = payoff(terms, [drawn(amount_fen)], day(366)).interest_fen
    often = sum(applied.paid.interest_fen for applied in replay(terms, events))
    assert often + payoff(terms, events, day(366)).interest_fen == once


@given(st.integers(1, 10**10), RATES, st.integers(0, 3650), st.sampled_from([DayCount.ACT_365, DayCount.ACT_360]))
def test_interest_is_the_exact_fraction_rounded_half_up(
    amount_fen: int, rate: Decimal, days: int, count: DayCount
) -> None:
    exact = Fraction(amount_fen) * Fraction(rate) * days / (365 if count is DayCount.ACT_365 else 360)
    rounded = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    assert payoff(Terms(rate, count), [drawn(amount_fen)], day(days)).interest_fen == rounded
