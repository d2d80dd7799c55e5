"""Day counts as exact integers.

A year fraction such as 31/365 has no exact decimal form, and a sum of rounded fractions can fall on the wrong side of
half a fen. So a period is measured in whole *units* and a year holds `units_per_year` of them; one division, at the
moment when money is asked for, is the only inexact step.

Every convention here is additive: units(a, b) + units(b, c) = units(a, c). That is what makes interest independent of
the days on which somebody happened to look at the loan.
"""

from datetime import date, timedelta
from enum import StrEnum

_COMMON_YEAR_DAYS = 365
_LEAP_YEAR_DAYS = 366


class DayCount(StrEnum):
    """How the length of a period is measured.

    ACT_365   actual days / 365 (ISDA 2006 §4.16(d), "Actual/365 (Fixed)").
    ACT_360   actual days / 360 (§4.16(e)); the convention of 银发〔2005〕129号 for day rates of bank loans.
    THIRTY_E_360  months of 30 days, a 31st counts as a 30th (§4.16(g), "Eurobond basis").
    ACT_ACT   actual days, those of a leap year / 366, the others / 365 (§4.16(b), "Actual/Actual (ISDA)").
    """

    ACT_365 = "ACT/365"
    ACT_360 = "ACT/360"
    THIRTY_E_360 = "30E/360"
    ACT_ACT = "ACT/ACT"


class Interval(StrEnum):
    """Which of its two end days belongs to a period.

    START_INCLUDED  [start, end): the day of the draw bears interest, the day of repayment does not (算头不算尾).
    END_INCLUDED    (start, end]: the other way round.

    Both count the same number of days, so ACT/365 and ACT/360 do not depend on it. ACT/ACT does: the one day that is
    counted differently may lie in a leap year. 30E/360 is a formula on the two dates and has no such choice.
    """

    START_INCLUDED = "[start, end)"
    END_INCLUDED = "(start, end]"


_UNITS_PER_YEAR = {
    DayCount.ACT_365: 365,
    DayCount.ACT_360: 360,
    DayCount.THIRTY_E_360: 360,
    DayCount.ACT_ACT: _COMMON_YEAR_DAYS * _LEAP_YEAR_DAYS,
}


def units_per_year(day_count: DayCount) -> int:
    """Units in one year: the denominator that belongs to `year_units`."""
    return _UNITS_PER_YEAR[day_count]


def year_units(day_count: DayCount, start: date, end: date, interval: Interval) -> int:
    """Length of the period from `start` to `end` in units (negative when `end` is earlier).

    `interval` says which end day is counted, see `Interval`.
    """
    if day_count is DayCount.THIRTY_E_360:
        return _thirty_days_until(end) - _thirty_days_until(start)
    if day_count is DayCount.ACT_ACT:
        shift = timedelta(days=1 if interval is Interval.END_INCLUDED else 0)
        return _act_act_until(end + shift) - _act_act_until(start + shift)
    return (end - start).days


def _thirty_days_until(day: date) -> int:
    return 360 * day.year + 30 * day.month + min(day.day, 30)


def _act_act_until(day: date) -> int:
    """Units from 0001-01-01 to the start of `day`: a day weighs 1/366 year in a leap year, 1/365 year in another."""
    years = day.year - 1
    leap_years = years // 4 - years // 100 + years // 400
    days_of_year = day.timetuple().tm_yday - 1
    is_leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    weight = _COMMON_YEAR_DAYS if is_leap else _LEAP_YEAR_DAYS
    leap_days = leap_years * _LEAP_YEAR_DAYS * _COMMON_YEAR_DAYS
    common_days = (years - leap_years) * _COMMON_YEAR_DAYS * _LEAP_YEAR_DAYS
    return leap_days + common_days + days_of_year * weight
