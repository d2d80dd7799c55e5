"""Instalment plans against exact fractions and published schedules, and what holds for every one of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from huilian_loans import (
    DayCount,
    Draw,
    Event,
    Interval,
    Kind,
    Plan,
    Prepayment,
    Repay,
    Terms,
    fallen_due,
    payoff,
    position,
    replay,
)
from huilian_loans.projection import Period, project
from huilian_loans.schedule import Cycle, PeriodUnit, due_dates
from hypothesis import given, settings
from hypothesis import strategies as st

START = date(2024, 1, 1)  # a leap year
MONTHLY = Cycle(1, PeriodUnit.MONTH)


def monthly(
    kind: Kind, rate: str, months: int, count: DayCount = DayCount.THIRTY_E_360, penalty: str = "1", **plan: object
) -> Terms:
    end = date(START.year + months // 12, 1 + months % 12, 1)
    dates = due_dates(date(2024, 2, 1), MONTHLY, end)
    assert len(dates) == months
    made = Plan(kind, tuple(dates), **plan)  # type: ignore[arg-type]
    return Terms(Decimal(rate), count, plan=made, penalty_multiplier=Decimal(penalty))


def drawn(amount_fen: int) -> list[Event]:
    return [Draw(sequence=0, value_date=START, amount_fen=amount_fen)]


def schedule(terms: Terms, amount_fen: int) -> list[Period]:
    return project(terms, drawn(amount_fen), START)


def row(period: Period) -> tuple[int, int, int]:
    """Instalment, interest, principal left."""
    return int(period.due.total_fen), int(period.interest_fen), int(period.closing_principal_fen)


# --- published schedules ----------------------------------------------------------------------------------------------
# Chinese mortgage calculators at the People's Bank's benchmark rate of 4.90 % (five years and more, 2015-10-24 to the
# LPR reform), as answered on public question pages: 630,000 yuan (ccv168.com/wenda/220578), 300,000 yuan
# (13l.net/index.php/l/1771868819402209700), 1,000,000 yuan over 20 years (372181.com/wenda/229816), 100,000 yuan
# (m.789yingshi.cn/wenda/244196), 1,200,000 yuan (wwwbz417.com/baike/60016). In fen: principal, months, instalment.
EQUAL_INSTALMENTS = [
    (63_000_000, 360, 334_358),
    (30_000_000, 360, 159_218),
    (100_000_000, 240, 654_444),
    (10_000_000, 120, 105_577),
    (120_000_000, 360, 636_872),
]


@pytest.mark.parametrize(("principal_fen", "months", "instalment_fen"), EQUAL_INSTALMENTS)
def test_published_equal_instalments(principal_fen: int, months: int, instalment_fen: int) -> None:
    periods = schedule(monthly(Kind.EQUAL_INSTALMENT, "0.049", months), principal_fen)
    assert {int(period.due.total_fen) for period in periods[:-1]} == {instalment_fen}
    # The last one takes what rounding left: at most half a fen a month, with interest.
    assert abs(int(periods[-1].due.total_fen) - instalment_fen) <= months * 2
    assert periods[-1].closing_principal_fen == 0


def test_the_published_split_of_the_first_instalments() -> None:
    """100,000 yuan over ten years: 408.33 + 647.44, then 405.69 + 650.08 (m.789yingshi.cn/wenda/244196)."""
    first, second = schedule(monthly(Kind.EQUAL_INSTALMENT, "0.049", 120), 10_000_000)[:2]
    assert (int(first.interest_fen), int(first.principal_due_fen)) == (40_833, 64_744)
    assert (int(second.interest_fen), int(second.principal_due_fen)) == (40_569, 65_008)


def test_published_equal_principal() -> None:
    """630,000 yuan: first 4,322.50, each 7.15 less (7.1458), interest 464,336.25 in all (ccv168.com/wenda/220578)."""
    periods = schedule(monthly(Kind.EQUAL_PRINCIPAL, "0.049", 360), 63_000_000)
    assert int(periods[0].due.total_fen) == 432_250
    # 714.58 between exact instalments; each is rounded, with what the one before carried over.
    assert all(abs(a.due.total_fen - b.due.total_fen - 714) <= 2 for a, b in pairwise(periods[:-1]))
    assert sum(int(period.interest_fen) for period in periods) == 46_433_625


def test_a_published_american_table() -> None:
    """220,000 dollars at 6.5 % over ten years (bestcashcow.com/mortgage-calculator/product-48556).

    That table keeps fractions of a cent from row to row, ours rounds what is paid: a cent apart at most.
    """
    table = [
        (249_806, 119_167, 21_869_361),
        (249_806, 118_459, 21_738_015),
        (249_806, 117_748, 21_605_957),
        (249_806, 117_032, 21_473_183),
        (249_806, 116_313, 21_339_691),
        (249_806, 115_590, 21_205_475),
        (249_806, 114_863, 21_070_533),
        (249_806, 114_132, 20_934_859),
        (249_806, 113_397, 20_798_451),
        (249_806, 112_658, 20_661_304),
        (249_806, 111_915, 20_523_413),
        (249_806, 111_168, 20_384_776),
    ]
    ours = [row(period) for period in schedule(monthly(Kind.EQUAL_INSTALMENT, "0.065", 120), 22_000_000)]
    for number, (mine, theirs) in enumerate(zip(ours, table, strict=False), start=1):
        assert mine[0] == theirs[0]
        assert abs(mine[1] - theirs[1]) <= 1 and abs(mine[2] - theirs[2]) <= 1 + number // 2, (number, mine, theirs)


# --- exact fractions --------------------------------------------------------------------------------------------------


def days_by_hand(count: DayCount, begin: date, end: date) -> Fraction:
    """Year fraction of [begin, end), counted day by day where days are counted."""
    if count is DayCount.THIRTY_E_360:
        months = (end.year - begin.year) * 12 + end.month - begin.month
        return Fraction(30 * months + min(end.day, 30) - min(begin.day, 30), 360)
    days = [begin + timedelta(days=n) for n in range((end - begin).days)]
    if count is DayCount.ACT_ACT:
        return sum((Fraction(1, 366 if day.year % 4 == 0 else 365) for day in days), Fraction(0))
    return Fraction(len(days), 365 if count is DayCount.ACT_365 else 360)


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def by_hand(kind: Kind, amount_fen: int, rate: Fraction, lengths: Sequence[Fraction]) -> list[tuple[int, int, int]]:
    """A plan paid on time, by fractions: what rounding moved is carried to the next period's interest."""
    product, denominator = Fraction(1), Fraction(0)
    for length in reversed(lengths):
        denominator += product
        product *= 1 + rate * length
    level = half_up(amount_fen * product / denominator)
    share = half_up(Fraction(amount_fen, len(lengths)))
    rows, left, carry = [], amount_fen, Fraction(0)
    for number, length in enumerate(lengths, start=1):
        exact = left * rate * length + carry
        interest = half_up(exact)
        carry = exact - interest
        part = {
            Kind.EQUAL_INSTALMENT: min(max(level - interest, 0), left),
            Kind.EQUAL_PRINCIPAL: min(share, left),
        }.get(kind, 0)
        part = left if number == len(lengths) else part
        left -= part
        rows.append((interest + part, interest, left))
    return rows


@pytest.mark.parametrize("kind", [Kind.EQUAL_INSTALMENT, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_ONLY])
@pytest.mark.parametrize("count", list(DayCount))
@given(
    amount_fen=st.integers(100_000, 10**10),
    rate=st.decimals("0.001", "0.24", places=4),
    months=st.integers(2, 30),
)
@settings(max_examples=15, deadline=None)
def test_a_plan_is_what_fractions_say(kind: Kind, count: DayCount, amount_fen: int, rate: Decimal, months: int) -> None:
    terms = monthly(kind, str(rate), months, count)
    assert terms.plan is not None
    ends = terms.plan.due_dates
    lengths = [days_by_hand(count, a, b) for a, b in zip((START, *ends), ends, strict=False)]
    expected = by_hand(kind, amount_fen, Fraction(rate), lengths)
    ours = [row(period) for period in schedule(terms, amount_fen)]
    # A plan that is paid off early by rounding simply ends.
    assert ours == expected[: len(ours)]
    assert ours[-1][2] == 0


def test_a_leap_day_bears_interest() -> None:
    """February 2024 by hand: 1,000,000 yuan at 3.65 % is 100 yuan a day on 365, so 2,900 yuan."""
    periods = schedule(monthly(Kind.INTEREST_ONLY, "0.0365", 12, DayCount.ACT_365), 100_000_000)
    assert [int(period.interest_fen) for period in periods[:3]] == [310_000, 290_000, 310_000]
    thirty = schedule(monthly(Kind.INTEREST_ONLY, "0.036", 12), 100_000_000)
    assert {int(period.interest_fen) for period in thirty} == {300_000}


def test_a_bullet_pays_once() -> None:
    terms = Terms(Decimal("0.0435"), DayCount.ACT_360, maturity=START + timedelta(days=90))
    (only,) = schedule(terms, 10_000_000)
    assert row(only) == (10_108_750, 108_750, 0)


# --- lateness, grace, prepayment --------------------------------------------------------------------------------------


def test_grace_then_penalty_on_the_late_principal_only() -> None:
    """120,000 yuan in twelve parts at 3.6 % on 360: 10,000 yuan are late from 1 February.

    On 4 February grace ends; 16 days later the late part has cost 16 × 1.00 × 0.5 = 8.00 yuan of penalty, and its plain
    interest of 19 days, 19.00 yuan, with the other 110,000 yuan's 19 × 11.00 = 209.00 and January's 372.00 on top.
    """
    terms = monthly(Kind.EQUAL_PRINCIPAL, "0.036", 12, DayCount.ACT_360, penalty="1.5", grace_days=3)
    assert payoff(terms, drawn(12_000_000), date(2024, 2, 4)).interest_fen == 37_200 + 3 * 1_200
    owed = payoff(terms, drawn(12_000_000), date(2024, 2, 20))
    assert owed.interest_fen == 37_200 + 1_900 + 20_900 + 800
    second = project(terms, drawn(12_000_000), date(2024, 3, 1))[1]
    assert (int(second.interest_fen), int(second.penalty_fen)) == (29 * 1_100, 29 * 100 + 26 * 50)
    assert second.due.principal_fen == 2_000_000, "the missed part and the next"


def test_paying_in_grace_costs_no_penalty() -> None:
    in_grace = monthly(Kind.EQUAL_PRINCIPAL, "0.036", 12, DayCount.ACT_360, penalty="1.5", grace_days=3)
    plain = monthly(Kind.EQUAL_PRINCIPAL, "0.036", 12, DayCount.ACT_360)
    paid: list[Event] = [
        *drawn(12_000_000),
        Repay(sequence=1, value_date=date(2024, 2, 4), amount_fen=1_040_800),
    ]
    assert payoff(in_grace, paid, date(2024, 3, 1)) == payoff(plain, paid, date(2024, 3, 1))


@pytest.mark.parametrize("kind", [Kind.EQUAL_INSTALMENT, Kind.EQUAL_PRINCIPAL])
def test_prepayment_reduces_the_instalment_or_the_term(kind: Kind) -> None:
    planned = schedule(monthly(kind, "0.036", 24), 12_000_000)
    prepaid = [*drawn(12_000_000), Repay(sequence=1, value_date=date(2024, 1, 2), amount_fen=6_000_000)]
    smaller = project(monthly(kind, "0.036", 24), prepaid, date(2024, 1, 2))
    shorter_terms = monthly(kind, "0.036", 24, prepayment=Prepayment.SHORTEN_TERM)
    first = position(shorter_terms, drawn(12_000_000), date(2024, 2, 1))
    in_time = [
        *drawn(12_000_000),
        Repay(sequence=1, value_date=date(2024, 2, 1), amount_fen=fallen_due(shorter_terms, first).total_fen),
        Repay(sequence=2, value_date=date(2024, 2, 2), amount_fen=5_000_000),
    ]
    shorter = project(shorter_terms, in_time, date(2024, 2, 2))
    assert len(smaller) == len(planned) and smaller[3].due.total_fen < planned[3].due.total_fen
    assert len(shorter) < len(planned)
    assert abs(shorter[3].due.principal_fen - planned[3].due.principal_fen) <= planned[3].interest_fen


def test_plans_that_are_none() -> None:
    with pytest.raises(ValueError, match="each later"):
        Plan(Kind.EQUAL_PRINCIPAL, (date(2024, 2, 1), date(2024, 2, 1)))
    with pytest.raises(ValueError, match="one due date"):
        Plan(Kind.BULLET, (date(2024, 2, 1), date(2024, 3, 1)))
    with pytest.raises(ValueError, match="grace"):
        Plan(Kind.INTEREST_ONLY, (date(2024, 2, 1), date(2024, 3, 1)), grace_days=29)
    with pytest.raises(ValueError, match="maturity"):
        Terms(Decimal(0), DayCount.ACT_365, maturity=date(2025, 1, 1), plan=Plan(Kind.BULLET, (date(2024, 2, 1),)))
    with pytest.raises(ValueError, match="no periods"):
        project(Terms(Decimal(0), DayCount.ACT_365), drawn(1), START)


# --- properties -------------------------------------------------------------------------------------------------------

ANY_TERMS = st.builds(
    lambda kind, count, rate, months, grace, prepayment, interval: Terms(
        rate,
        count,
        interval=interval,
        penalty_multiplier=Decimal("1.5"),
        plan=Plan(kind, tuple(due_dates(date(2024, 2, 1), MONTHLY, date(2024, 2 + months, 1))), prepayment, grace),
    ),
    st.sampled_from([Kind.EQUAL_INSTALMENT, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_ONLY]),
    st.sampled_from(DayCount),
    st.decimals("0.001", "0.36", places=4),
    st.integers(1, 10),
    st.integers(0, 20),
    st.sampled_from(Prepayment),
    st.sampled_from(Interval),
)


@st.composite
def payments(draw: st.DrawFn) -> list[Event]:
    """A draw and repayments too small to exceed what is owed, on any days."""
    amount_fen = draw(st.integers(100_000, 10**9))
    events = drawn(amount_fen)
    for sequence in range(1, draw(st.integers(1, 6))):
        when = START + timedelta(days=draw(st.integers(0, 400)))
        events.append(Repay(sequence=sequence, value_date=when, amount_fen=draw(st.integers(1, amount_fen // 6))))
    return events


@given(ANY_TERMS, payments(), st.integers(0, 500))
@settings(max_examples=80, deadline=None)
def test_every_loan_is_paid_off_by_what_its_periods_call_for(terms: Terms, events: list[Event], days: int) -> None:
    as_of = START + timedelta(days=days)
    periods = project(terms, events, as_of)
    for before, after in pairwise(periods):
        assert before.closing_principal_fen == after.opening_principal_fen and before.end == after.start
    assert terms.plan is not None
    if as_of < terms.plan.due_dates[-1]:
        assert periods[-1].closing_principal_fen == 0
    else:
        assert periods[-1].closing_principal_fen == position(terms, events, as_of).principal_fen


@given(ANY_TERMS, payments(), st.integers(0, 500))
@settings(max_examples=80, deadline=None)
def test_the_payoff_of_a_plan_settles_it(terms: Terms, events: list[Event], days: int) -> None:
    when = max(event.value_date for event in events) + timedelta(days=days)
    quoted = payoff(terms, events, when)
    settled = [*events, Repay(sequence=99, value_date=when, amount_fen=quoted.total_fen)]
    assert replay(terms, settled)[-1].paid == quoted
    assert payoff(terms, settled, when + timedelta(days=3650)).total_fen == 0


@given(ANY_TERMS, payments(), st.integers(0, 400))
@settings(max_examples=80, deadline=None)
def test_looking_on_the_way_changes_nothing(terms: Terms, events: list[Event], days: int) -> None:
    end = START + timedelta(days=700)
    look = Repay(sequence=50, value_date=START + timedelta(days=days), amount_fen=0)
    assert payoff(terms, [*events, look], end) == payoff(terms, events, end)
