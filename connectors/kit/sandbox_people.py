"""One seeded population of invented people, shared by the identity authority and every agency sandbox.

Agencies derive their own records from the same employments, so they agree with one another the way real registers
mostly do. Resident IDs (GB 11643) are valid, but carry the order codes 996 to 999, by convention kept for people over a
hundred; with these birth dates no living person holds one.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from stdnum.cn import ric

from connectors.kit.months import Month
from connectors.kit.sandbox_companies import COMPANIES

Kind = Literal[
    "ordinary", "no_account", "gap", "two_employers", "moved_city", "new_graduate", "same_name", "representative"
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
    """An invented person. `represents` is the USCC of the company whose legal representative she is, if any."""

    name: str
    resident_id: str
    kind: Kind
    employments: tuple[Employment, ...]
    represents: str | None = None

    def insured_job(self, month: Month) -> Employment | None:
        """The job that pays social insurance and housing fund in this month, or None in a gap."""
        return next((job for job in self.employments if job.insured and job.covers(month)), None)

    def first_insured_month(self) -> Month | None:
        """The first month of any insured job, or None for somebody who never had one."""
        return min((job.first for job in self.employments if job.insured), default=None)


DEFAULT_SEED = 20_260_101
DEFAULT_SIZE = 60

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
_GIVEN_TEXT = (
    "子涵雨桐浩然思远欣怡梓萱文博俊杰佳慧晓峰雪梅建华志强丽娟海燕"
    "永康婉清天佑若曦景行书瑶明哲静怡宏伟秀英国庆春花少杰亦菲正豪"
)
_GIVEN = tuple(_GIVEN_TEXT[start : start + 2] for start in range(0, len(_GIVEN_TEXT), 2))
# Division codes that were in use for every birth year drawn below; stdnum checks the year against the code's history.
_DIVISIONS = ("110101", "110105", "110108", "310101", "310104", "310105")
_EMPLOYERS = (
    *(company.name_zh for company in COMPANIES),
    "沙盒云帆软件有限公司",
    "沙盒春晖教育科技有限公司",
    "沙盒百味餐饮管理有限公司",
    "沙盒远航物流有限公司",
    "沙盒康宁医药有限公司",
)
_KINDS: tuple[Kind, ...] = (
    *("ordinary",) * 5,
    "no_account",
    "gap",
    "two_employers",
    "moved_city",
    "new_graduate",
)


def resident_id(division: str, birth: date, *, female: bool, second: bool = False) -> str:
    """A valid resident ID with an order code (996 to 999) that belongs to no living person of this age."""
    order = (996 if female else 997) + (2 if second else 0)
    stem = f"{division}{birth:%Y%m%d}{order}"
    return stem + str(ric.calc_check_digit(stem + "0"))


def _jobs(kind: Kind, rng: random.Random) -> tuple[Employment, ...]:
    """The employments that make a person a case of this kind."""
    one, two = rng.sample(_EMPLOYERS, 2)
    salary_fen = rng.randrange(5_000, 42_000, 250) * 100
    start = Month(rng.randint(2015, 2022), rng.randint(1, 12))
    if kind == "no_account":
        return ()
    if kind == "gap":
        later = Employment(two, Month(2026, 2), None, salary_fen + 80_000)
        return (Employment(one, start, Month(2025, 8), salary_fen), later)
    if kind == "two_employers":
        side = Employment(two, Month(2024, 3), None, salary_fen // 4, insured=False)
        return (Employment(one, start, None, salary_fen), side)
    if kind == "moved_city":
        return (
            Employment(one, start, Month(2025, 5), salary_fen),
            Employment(two, Month(2025, 6), None, salary_fen),
        )
    if kind == "new_graduate":
        return (Employment(one, Month(2026, 7), None, salary_fen),)
    return (Employment(one, start, None, salary_fen),)


def _steady(employer: str, salary_fen: int, first: Month) -> tuple[Employment, ...]:
    return (Employment(employer, first, None, salary_fen),)


DEMO_BORROWER = Person(
    "林晓雨",
    resident_id("110105", date(1990, 5, 17), female=True),
    "ordinary",
    _steady(COMPANIES[0].name_zh, 1_850_000, Month(2018, 7)),
)
DEMO_GAP = Person(
    "周明远",
    resident_id("310104", date(1986, 11, 3), female=False),
    "gap",
    (
        Employment("沙盒远航物流有限公司", Month(2014, 3), Month(2025, 8), 980_000),
        Employment("沙盒康宁医药有限公司", Month(2026, 2), None, 1_060_000),
    ),
)
DEMO_TWO_EMPLOYERS = Person(
    "吴佳宁",
    resident_id("310101", date(1992, 2, 29), female=True),
    "two_employers",
    (
        Employment("沙盒云帆软件有限公司", Month(2017, 9), None, 2_600_000),
        Employment("沙盒春晖教育科技有限公司", Month(2024, 3), None, 400_000, insured=False),
    ),
)
DEMO_NO_ACCOUNT = Person("郑一帆", resident_id("110108", date(2001, 8, 21), female=False), "no_account", ())
DEMO_REPRESENTATIVES: tuple[Person, ...] = tuple(
    Person(
        name,
        resident_id("310105", date(1975 + 2 * index, 3, 12), female=index % 2 == 1),
        "representative",
        _steady(company.name_zh, 3_000_000 - 350_000 * index, Month(2012, 1)),
        represents=company.uscc,
    )
    for index, (name, company) in enumerate(zip(("陈国栋", "许慧敏", "何建平", "沈丽萍"), COMPANIES, strict=True))
)
DEMO_PEOPLE: tuple[Person, ...] = (
    DEMO_BORROWER,
    DEMO_GAP,
    DEMO_TWO_EMPLOYERS,
    DEMO_NO_ACCOUNT,
    *DEMO_REPRESENTATIVES,
)


def _draw(index: int, name: str, kind: Kind, rng: random.Random) -> Person:
    youngest, oldest = date(1999, 1, 1), date(1972, 1, 1)
    birth = oldest + timedelta(days=rng.randrange((youngest - oldest).days))
    if kind == "new_graduate":
        birth = birth.replace(year=2003, day=min(birth.day, 28))
    number = resident_id(rng.choice(_DIVISIONS), birth, female=index % 2 == 0, second=True)
    return Person(name, number, kind, _jobs(kind, rng))


@functools.cache
def population(seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> dict[str, Person]:
    """People by resident ID: the fixed demo people, then `size` drawn from the seed.

    The last two drawn people share one name, so that nobody may be told apart by name alone.
    """
    rng = random.Random(seed)  # noqa: S311  repeatable on purpose; nothing secret comes from it
    names = rng.sample([surname + given for surname in _SURNAMES for given in _GIVEN], size - 1)
    people = {person.resident_id: person for person in DEMO_PEOPLE}
    for index in range(size):
        kind: Kind = "same_name" if index >= size - 2 else _KINDS[index % len(_KINDS)]
        person = _draw(index, names[min(index, size - 2)], kind, rng)
        while person.resident_id in people:
            person = _draw(index, person.name, kind, rng)
        people[person.resident_id] = person
    return people


def find_person(name: str, number: str) -> Person | None:
    """The person of the default population with exactly this name and resident ID, or None."""
    person = population().get(number)
    return person if person is not None and person.name == name else None
