"""Calendar months and closed periods of months, the unit of time in which agencies keep their records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_MONTH = re.compile(r"\A([0-9]{4})-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in China, written `YYYY-MM`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `YYYY-MM`; ValueError for every other spelling."""
        match = _MONTH.match(text)
        if match is None:
            raise ValueError("a month is written YYYY-MM")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """The month that holds this day."""
        return cls(day.year, day.month)

    def plus(self, months: int) -> Month:
        """This month moved by a number of months, which may be negative."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """Every month from `first` to `last`, both included; ValueError when it would be empty."""

    first: Month
    last: Month

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends no earlier than it begins")

    @classmethod
    def parse(cls, first: str, last: str) -> Period:
        """Read two `YYYY-MM`; ValueError when either is malformed or they are in the wrong order."""
        return cls(Month.parse(first), Month.parse(last))

    def contains(self, other: Period) -> bool:
        """Whether every month of `other` lies in this period."""
        return self.first <= other.first and other.last <= self.last

    def __contains__(self, month: Month) -> bool:
        return self.first <= month <= self.last

    def __len__(self) -> int:
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1

    def __iter__(self) -> Iterator[Month]:
        return (self.first.plus(step) for step in range(len(self)))
