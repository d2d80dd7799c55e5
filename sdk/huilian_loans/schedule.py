"""Dates on which a loan pays: cycles from an anchor, month ends, stubs and days that are not business days."""

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import count

IsBusinessDay = Callable[[date], bool]


class PeriodUnit(StrEnum):
    """Unit of a cycle's length."""

    DAY = "D"
    MONTH = "M"


class Stub(StrEnum):
    """The last period when the cycle does not end on the last day: kept short, or joined to the one before."""

    SHORT = "short"
    LONG = "long"


class Roll(StrEnum):
    """Where a date that is not a business day goes; "modified" never leaves the month."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified following"
    PRECEDING = "preceding"
    MODIFIED_PRECEDING = "modified preceding"


@dataclass(frozen=True)
class Cycle:
    """Every `length` units from an anchor. `month_end`: an anchor on a month's last day stays on last days."""

    length: int
    unit: PeriodUnit
    stub: Stub = Stub.SHORT
    month_end: bool = False

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError("a cycle is at least one day or month long")


def due_dates(anchor: date, cycle: Cycle, end: date) -> list[date]:
    """`anchor`, then every cycle from it before `end`, then `end` itself."""
    if anchor >= end:
        return [end]
    dates = list(_before(anchor, cycle, end))
    joins = cycle.stub is Stub.LONG and len(dates) > 1 and _step(anchor, cycle, len(dates)) != end
    return [*(dates[:-1] if joins else dates), end]


def _before(anchor: date, cycle: Cycle, end: date) -> Iterator[date]:
    for number in count():
        day = _step(anchor, cycle, number)
        if day >= end:
            return
        yield day


def _step(anchor: date, cycle: Cycle, number: int) -> date:
    if cycle.unit is PeriodUnit.DAY:
        return anchor + timedelta(days=cycle.length * number)
    return add_months(anchor, cycle.length * number, month_end=cycle.month_end)


def add_months(day: date, months: int, *, month_end: bool = False) -> date:
    """The same day `months` later, or the month's last day when there is no such day (or by `month_end`)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    stays_last = month_end and day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month + 1, last if stays_last else min(day.day, last))


def roll(day: date, rule: Roll, is_business_day: IsBusinessDay) -> date:
    """The business day on which something due on `day` happens."""
    if rule is Roll.NONE or is_business_day(day):
        return day
    forward = rule in (Roll.FOLLOWING, Roll.MODIFIED_FOLLOWING)
    moved = _nearest(day, 1 if forward else -1, is_business_day)
    modified = rule in (Roll.MODIFIED_FOLLOWING, Roll.MODIFIED_PRECEDING)
    if modified and moved.month != day.month:
        return _nearest(day, -1 if forward else 1, is_business_day)
    return moved


def _nearest(day: date, direction: int, is_business_day: IsBusinessDay) -> date:
    while not is_business_day(day):
        day += timedelta(days=direction)
    return day
