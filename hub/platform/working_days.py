"""Working days in China: weekdays but for public holidays, and the weekends that are worked instead.

The table is data (`working_days.json`) and ends: a day beyond it is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from huilian_protocol.canonical import parse_json

SATURDAY = 5
_TABLE = Path(__file__).with_name("working_days.json")


class CalendarEnds(ValueError):
    """The table of holidays does not reach this day; the message names the year to add."""


def is_working_day(day: date) -> bool:
    """Whether banks and offices work on a day. Raises CalendarEnds."""
    off, working = _year(day.year)
    return day in working or (day.weekday() < SATURDAY and day not in off)


def working_day_after(day: date, count: int = 1) -> date:
    """The `count`-th working day after a day, which itself does not count. Raises CalendarEnds."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


@cache
def _year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    years: dict[str, Any] = parse_json(_TABLE.read_bytes())["years"]
    if str(year) not in years:
        raise CalendarEnds(f"working_days.json has no holidays of {year}")
    entry = years[str(year)]
    return frozenset(_days(entry["off"])), frozenset(_days(entry["working"]))


def _days(ranges: list[str]) -> Iterator[date]:
    for text in ranges:
        first, _, last = text.partition("/")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            yield day
            day += timedelta(days=1)
