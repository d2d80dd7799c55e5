from datetime import date

import pytest
from huilian_loans.schedule import Cycle, PeriodUnit, Roll, Stub, add_months, due_dates, roll

MONTHLY = Cycle(1, PeriodUnit.MONTH)


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def test_months_keep_the_anchor_day_where_there_is_one() -> None:
    dates = due_dates(date(2026, 1, 31), MONTHLY, date(2026, 4, 30))
    assert dates == days("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")


def test_month_end_stays_month_end() -> None:
    cycle = Cycle(1, PeriodUnit.MONTH, month_end=True)
    assert due_dates(date(2026, 2, 28), cycle, date(2026, 4, 30)) == days("2026-02-28", "2026-03-31", "2026-04-30")


@pytest.mark.parametrize(
    ("stub", "expected"),
    [
        (Stub.SHORT, days("2026-01-01", "2026-01-11", "2026-01-21", "2026-01-25")),
        (Stub.LONG, days("2026-01-01", "2026-01-11", "2026-01-25")),
    ],
)
def test_a_last_period_that_does_not_fit(stub: Stub, expected: list[date]) -> None:
    assert due_dates(date(2026, 1, 1), Cycle(10, PeriodUnit.DAY, stub), date(2026, 1, 25)) == expected


def test_an_anchor_at_the_end_is_the_only_date() -> None:
    assert due_dates(date(2026, 1, 1), MONTHLY, date(2026, 1, 1)) == days("2026-01-01")


def test_a_cycle_has_a_length() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cycle(0, PeriodUnit.DAY)


def test_adding_months_over_the_year() -> None:
    assert add_months(date(2026, 11, 30), 3) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Roll.NONE, "2026-01-31"),
        (Roll.FOLLOWING, "2026-02-02"),
        (Roll.MODIFIED_FOLLOWING, "2026-01-30"),
        (Roll.PRECEDING, "2026-01-30"),
    ],
)
def test_a_saturday_at_the_end_of_the_month(rule: Roll, expected: str) -> None:
    assert roll(date(2026, 1, 31), rule, lambda day: day.weekday() < 5) == date.fromisoformat(expected)


def test_preceding_stays_in_its_month() -> None:
    first_of_february = date(2026, 2, 1)  # a Sunday
    assert roll(first_of_february, Roll.MODIFIED_PRECEDING, lambda day: day.weekday() < 5) == date(2026, 2, 2)
