"""What an invented person is: identity, jobs, and the one thing about her that makes her a hard case.

Resident IDs (GB 11643) are valid, but carry the order codes 996 to 999, by convention kept for people over a hundred;
with the birth dates drawn here no living person holds one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from stdnum.cn import ric

from connectors.kit.months import Month, Period

Kind = Literal[
    "ordinary",
    "no_account",
    "gap",
    "two_employers",
    "moved_city",
    "new_graduate",
    "same_name",
    "representative",
    "arrears",
    "dishonest_debtor",
    "corrected",
    "child",
]


@dataclass(frozen=True, slots=True)
class Employment:
    """One job. `salary_fen` is a month's gross pay; `last` is None while the job goes on.

    `insured` jobs pay social insurance and housing fund; a second job beside the first pays income tax only.
    """

    employer: str
    first: Month
    last: Month | None
    salary_fen: int
    insured: bool = True

    def covers(self, month: Month) -> bool:
        """Whether the person worked here in this month."""
        return self.first <= month and (self.last is None or month <= self.last)


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person.

    `represents` is the USCC of the company whose legal representative she is, if any. `corrected_on_day` is the day of
    the month (China) on which her registers are put right: her employer always declares late, so until that day the
    latest settled month is missing, and a listing that should not be there still is. Whatever the date, somebody's
    record was therefore corrected since yesterday.
    """

    name: str
    resident_id: str
    kind: Kind
    employments: tuple[Employment, ...]
    represents: str | None = None
    corrected_on_day: int | None = None

    def insured_job(self, month: Month) -> Employment | None:
        """The job that pays social insurance and housing fund in this month, or None in a gap."""
        return next((job for job in self.employments if job.insured and job.covers(month)), None)

    def first_insured_month(self) -> Month | None:
        """The first month of any insured job, or None for somebody who never had one."""
        return min((job.first for job in self.employments if job.insured), default=None)

    def insured_history(self, today: date) -> dict[Month, Employment]:
        """What the registers know by `today` (China) of the insured months, which settle a month late; oldest first."""
        first, settled = self.first_insured_month(), Month.of(today).plus(-1)
        if first is None or first > settled:
            return {}
        months = (month for month in Period(first, settled) if self.is_on_record(month, today))
        return {month: job for month in months if (job := self.insured_job(month)) is not None}

    def is_put_right(self, today: date) -> bool:
        """Whether this month's correction has been made by `today` (China); True for people who need none."""
        return self.corrected_on_day is None or today.day >= self.corrected_on_day

    def is_on_record(self, month: Month, today: date) -> bool:
        """Whether the registers know of this month by `today` (China): a late declaration is missing till corrected."""
        return self.is_put_right(today) or month != Month.of(today).plus(-1)


def resident_id(division: str, birth: date, *, female: bool, second: bool = False) -> str:
    """A valid resident ID with an order code (996 to 999) that belongs to no living person of this age."""
    order = (996 if female else 997) + (2 if second else 0)
    stem = f"{division}{birth:%Y%m%d}{order}"
    return stem + str(ric.calc_check_digit(stem + "0"))
