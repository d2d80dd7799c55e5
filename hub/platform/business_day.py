"""The day in China: value dates and due dates are dates there, whatever zone a process runs in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

BUSINESS_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has one time zone and no daylight saving since 1991."""


def business_date(now: datetime) -> date:
    """The date in China at an aware time."""
    return now.astimezone(BUSINESS_ZONE).date()


def start_of_day(day: date) -> datetime:
    """The moment at which a day begins in China."""
    return datetime(day.year, day.month, day.day, tzinfo=BUSINESS_ZONE).astimezone(UTC)
