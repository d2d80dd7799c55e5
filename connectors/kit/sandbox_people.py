"""One seeded population of invented people, shared by the identity authority and every agency sandbox.

Agencies derive their own records from the same employments, so they agree with one another the way real registers
mostly do. A few people are fixed, because demos and tests know them by name; the others are drawn from the seed.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Iterable
from datetime import date

from connectors.kit.months import Month
from connectors.kit.sandbox_companies import COMPANIES, drawn_companies
from connectors.kit.sandbox_drawing import draw_people
from connectors.kit.sandbox_person import Employment, Kind, Person, resident_id

__all__ = [
    "DEMO_PEOPLE",
    "Employment",
    "Kind",
    "Person",
    "customer_number",
    "find_person",
    "first_of_kind",
    "people_of_every_kind",
    "population",
]

DEFAULT_SEED = 20_260_101
DEFAULT_SIZE = 2_000


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
# Amounts that are no round ones: where they turn up, they came from her record.
DEMO_TWO_EMPLOYERS = Person(
    "吴佳宁",
    resident_id("310101", date(1992, 2, 29), female=True),
    "two_employers",
    (
        Employment("沙盒云帆软件有限公司", Month(2017, 9), None, 2_613_457),
        Employment("沙盒春晖教育科技有限公司", Month(2024, 3), None, 403_291, insured=False),
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


@functools.cache
def population(seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> dict[str, Person]:
    """People by resident ID: the fixed demo people, then `size` drawn from the seed.

    Every drawn company has one of them as its legal representative, as far as there are people enough.
    """
    rng = random.Random(seed)  # noqa: S311  repeatable on purpose; nothing secret comes from it
    people = {person.resident_id: person for person in DEMO_PEOPLE}
    companies = tuple(drawn_companies().values())
    drawn = draw_people(rng, size, (*COMPANIES, *companies), companies, people)
    return people | {person.resident_id: person for person in drawn}


def people_of_every_kind(each: int) -> Iterable[Person]:
    """The demo people and the first `each` drawn people of every kind: a slice that holds every hard case."""
    seen: Counter[str] = Counter()
    for person in population().values():
        seen[person.kind] += 1
        if person in DEMO_PEOPLE or seen[person.kind] <= each:
            yield person


def first_of_kind(kind: Kind) -> Person:
    """The first drawn person of this kind."""
    return next(person for person in population().values() if person.kind == kind and person not in DEMO_PEOPLE)


@functools.cache
def _serials() -> dict[str, int]:
    return {number: serial for serial, number in enumerate(population(), start=1)}


def customer_number(person: Person) -> int:
    """A number under which an agency may keep this person: nobody else's, and nothing can be read from it."""
    return _serials()[person.resident_id]


def find_person(name: str, number: str) -> Person | None:
    """The person of the default population with exactly this name and resident ID, or None."""
    person = population().get(number)
    return person if person is not None and person.name == name else None
