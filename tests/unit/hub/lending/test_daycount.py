from datetime import date

import pytest
from huilian_loans import DayCount, Interval, units_per_year, year_units
from hypothesis import given
from hypothesis import strategies as st

DATES = st.dates(date(1999, 1, 1), date(2101, 12, 31))


def units(convention: DayCount, start: str, end: str, interval: Interval = Interval.START_INCLUDED) -> int:
    return year_units(convention, date.fromisoformat(start), date.fromisoformat(end), interval)


@pytest.mark.parametrize(
    ("convention", "start", "end", "expected"),
    [
        (DayCount.ACT_365, "2026-01-01", "2026-04-01", 90),
        (DayCount.ACT_360, "2024-02-28", "2024-03-01", 2),
        (DayCount.THIRTY_E_360, "2024-02-28", "2024-03-01", 3),
        (DayCount.THIRTY_E_360, "2026-01-31", "2026-02-28", 28),
        (DayCount.THIRTY_E_360, "2026-02-28", "2026-03-31", 32),
        (DayCount.THIRTY_E_360, "2026-01-30", "2026-01-31", 0),
        (DayCount.ACT_365, "2026-04-01", "2026-01-01", -90),
    ],
)
def test_periods_measured_by_hand(convention: DayCount, start: str, end: str, expected: int) -> None:
    assert units(convention, start, end) == expected


def test_act_act_weighs_each_day_by_its_year() -> None:
    assert units(DayCount.ACT_ACT, "2023-12-30", "2024-01-02") == 2 * 366 + 1 * 365
    assert units(DayCount.ACT_ACT, "2024-01-01", "2025-01-01") == units_per_year(DayCount.ACT_ACT)
    assert units(DayCount.ACT_ACT, "2025-01-01", "2026-01-01") == units_per_year(DayCount.ACT_ACT)


def test_the_interval_says_which_end_day_counts() -> None:
    """Over New Year the one day that differs lies in a common year or in a leap year."""
    assert units(DayCount.ACT_ACT, "2023-12-31", "2024-01-01", Interval.START_INCLUDED) == 366
    assert units(DayCount.ACT_ACT, "2023-12-31", "2024-01-01", Interval.END_INCLUDED) == 365


@given(st.sampled_from(DayCount), st.sampled_from(Interval), DATES, DATES, DATES)
def test_periods_add_up(convention: DayCount, interval: Interval, a: date, b: date, c: date) -> None:
    whole = year_units(convention, a, c, interval)
    assert year_units(convention, a, b, interval) + year_units(convention, b, c, interval) == whole


@given(st.sampled_from([DayCount.ACT_365, DayCount.ACT_360]), DATES, DATES)
def test_actual_days_do_not_depend_on_the_interval(convention: DayCount, a: date, b: date) -> None:
    assert year_units(convention, a, b, Interval.END_INCLUDED) == year_units(convention, a, b, Interval.START_INCLUDED)
