"""Working days in China, public holidays and worked weekends among them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.platform.working_days import CalendarEnds, is_working_day, working_day_after


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 3, 2), True),
        (date(2026, 3, 7), False),
        # 国庆节, and a Saturday that is worked for it.
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),
        (date(2025, 1, 26), True),
        (date(2025, 2, 4), False),
    ],
)
def test_days(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_counting_skips_what_is_not_worked() -> None:
    assert working_day_after(date(2026, 2, 13)) == date(2026, 2, 14)
    assert working_day_after(date(2026, 2, 14)) == date(2026, 2, 24)
    assert working_day_after(date(2026, 9, 30), 3) == date(2026, 10, 10)


def test_the_years_of_the_table_have_the_working_days_that_the_law_leaves() -> None:
    """A year has 248 working days (人社部发〔2025〕2号); one whose notice is not out yet lacks the days in lieu."""
    for year in range(2025, 2029):
        first = date(year, 1, 1)
        days = [first + timedelta(days=number) for number in range(366)]
        working = sum(is_working_day(day) for day in days if day.year == year)
        assert working == 248 if year < 2027 else 248 <= working <= 256


def test_the_table_ends_with_an_error() -> None:
    with pytest.raises(CalendarEnds, match="2040"):
        is_working_day(date(2040, 1, 2))
