"""The register of families of the sandbox: children and their parents. SANDBOX: everybody is invented.

Children have no device and no job, so they stand beside the population: the identity authority knows whose they are,
the social insurance administration has issued their cards, every other agency has nothing about them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP, population
from connectors.kit.sandbox_person import Person, resident_id

# 民法典 §17: of age at eighteen.
MAJORITY_YEARS = 18
_PARENTS_BORN = range(1978, 1993)
_EVERY_PARENT = 12
_PARENTS_AGE = 28
_GIVEN = ("沙沙", "乐乐", "安安", "朵朵", "果果", "阳阳")


@dataclass(frozen=True, slots=True)
class Child:
    """A child and the resident IDs of the parents, who are the guardians (民法典 §27)."""

    person: Person
    guardians: frozenset[str]

    @property
    def comes_of_age(self) -> date:
        """The eighteenth birthday, from which on nobody is the guardian any more."""
        born = birth_date(self.person)
        # Whoever was born on 29 February comes of age on 1 March of a common year.
        year = born.year + MAJORITY_YEARS
        return date(year, 3, 1) if (born.month, born.day) == (2, 29) else born.replace(year=year)


def birth_date(person: Person) -> date:
    """The date of birth that a resident ID states (GB 11643)."""
    digits = person.resident_id[6:14]
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _child(name: str, division: str, born: date, *guardians: Person) -> Child:
    number = resident_id(division, born, female=False)
    return Child(Person(name, number, "child", ()), frozenset(parent.resident_id for parent in guardians))


DEMO_CHILD = _child("林小满", "110105", date(2017, 5, 21), DEMO_BORROWER)
# Grown up since: the register still knows her, and nobody speaks for her any more.
DEMO_GROWN_CHILD = _child("周知夏", "310104", date(2007, 6, 20), DEMO_GAP)


@functools.cache
def children() -> Mapping[str, Child]:
    """Every child by resident ID; the same every time."""
    demo = (DEMO_CHILD, DEMO_GROWN_CHILD)
    drawn = [child for number, parent in enumerate(population().values()) if (child := _drawn(number, parent))]
    return {child.person.resident_id: child for child in (*drawn, *demo)}


def find_child(name: str, number: str) -> Child | None:
    """The child with exactly this name and resident ID, or None."""
    child = children().get(number)
    return child if child is not None and child.person.name == name else None


def _drawn(number: int, parent: Person) -> Child | None:
    born = birth_date(parent)
    if number % _EVERY_PARENT or born.year not in _PARENTS_BORN:
        return None
    birthday = date(born.year + _PARENTS_AGE, born.month, min(born.day, 28))
    return _child(parent.name[0] + _GIVEN[number % len(_GIVEN)], parent.resident_id[:6], birthday, parent)
