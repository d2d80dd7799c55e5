"""The invented bills: electricity, water and gas for every month of a home, by the kind of the person."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.kit.months import Month, Period
from connectors.kit.sandbox_people import Kind, Person, customer_number

_FIRST_MONTH = Month(2023, 1)
# The month in which those who moved changed their home, as their employment did.
_MOVED = Month(2025, 6)
_UNPAID_LATEST: dict[Kind, int] = {"arrears": 4, "dishonest_debtor": 2}
# Kind of bill, least and most of a month in fen.
_KINDS = (("E", 4_000, 38_000), ("W", 1_500, 9_000), ("G", 1_000, 22_000))


@dataclass(frozen=True, slots=True)
class Bill:
    """One month's bill. `was_paid` tells of the past; what is paid now stands in the sandbox's book."""

    number: str
    kind: str
    month: Month
    amount_fen: int
    was_paid: bool


@dataclass(frozen=True, slots=True)
class Account:
    """A home's account for one kind of supply."""

    number: str
    kind: str
    is_closed: bool


@functools.lru_cache(maxsize=4_096)
def accounts_of(person: Person) -> Sequence[Account]:
    """The accounts in somebody's name; those who moved have closed ones too. Nobody without an account has any."""
    if person.kind == "no_account":
        return ()
    homes = (True, False) if person.kind == "moved_city" else (False,)
    return [
        Account(f"{kind}{customer_number(person):09d}{home}", kind, is_closed)
        for home, is_closed in enumerate(homes)
        for kind, _, _ in _KINDS
    ]


@functools.lru_cache(maxsize=256)
def bills_of(person: Person, settled: Month) -> Sequence[Bill]:
    """Every bill up to the month `settled`, oldest first."""
    if person.kind == "no_account":
        return ()
    rng = random.Random(f"utilities {person.resident_id}")  # noqa: S311  repeatable on purpose
    first_unpaid = settled.plus(1 - _UNPAID_LATEST.get(person.kind, 0))
    return [
        Bill(_number(person, kind, month), kind, month, rng.randint(least, most), month < first_unpaid)
        for month in Period(_FIRST_MONTH, settled)
        for kind, least, most in _KINDS
    ]


def _number(person: Person, kind: str, month: Month) -> str:
    home = 1 if person.kind == "moved_city" and month >= _MOVED else 0
    return f"{kind}{customer_number(person):09d}{home}{month.year:04d}{month.month:02d}"
