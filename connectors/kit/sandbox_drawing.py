"""Draws the large part of the sandbox population from a seed: people and their jobs, hard cases in fixed shares."""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from datetime import date, timedelta

from connectors.kit.months import Month
from connectors.kit.sandbox_companies import SandboxCompany
from connectors.kit.sandbox_person import Employment, Kind, Person, resident_id

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡"
_GIVEN_TEXT = (
    "子涵雨桐浩然思远欣怡梓萱文博俊杰佳慧晓峰雪梅建华志强丽娟海燕"
    "永康婉清天佑若曦景行书瑶明哲静怡宏伟秀英国庆春花少杰亦菲正豪"
    "嘉懿煜城懿轩烨伟苑博伟泽熠彤鸿煊博涛烨霖烨华煜祺智宸正诚鹭洋"
    "睿渊弘毅鹤轩越泽擎宇绍辉晋鹏楷瑞语嫣采薇听荷初夏若云含烟沐晴"
)
_GIVEN = tuple(_GIVEN_TEXT[start : start + 2] for start in range(0, len(_GIVEN_TEXT), 2))
# Division codes that were in use for every birth year drawn below; stdnum checks the year against the code's history.
_DIVISIONS = ("110101", "110105", "110108", "310101", "310104", "310105")
# One round of twenty people; every kind comes back in every round.
_ROUND: tuple[Kind, ...] = (
    *("ordinary",) * 8,
    *("same_name",) * 2,
    *("arrears",) * 2,
    *("corrected",) * 2,
    "no_account",
    "gap",
    "two_employers",
    "moved_city",
    "new_graduate",
    "dishonest_debtor",
)
_DAYS_OF_CORRECTION = 28


def draw_people(
    rng: random.Random,
    size: int,
    employers: Sequence[SandboxCompany],
    represented: Sequence[SandboxCompany],
    taken: Container[str],
) -> list[Person]:
    """`size` people whose resident IDs are new. Each `represented` company gets a representative, its employee.

    Names are unique but for the "same_name" people, who come in pairs; every other pair shares its birthday too.
    """
    drawn: dict[str, Person] = {}
    names = iter(rng.sample([surname + given for surname in _SURNAMES for given in _GIVEN], size))
    birth, name = date(1990, 1, 1), ""
    unrepresented, employer_names = list(reversed(represented)), [company.name_zh for company in employers]
    for index in range(size):
        kind = _ROUND[index % len(_ROUND)]
        is_twin = kind == "same_name" and _ROUND[index % len(_ROUND) - 1] == "same_name"
        if not is_twin:
            name = next(names)
        if not (is_twin and index // len(_ROUND) % 2):
            birth = _birth(kind, rng)
        number = _new_number(index, birth, rng, taken, drawn)
        company = unrepresented.pop() if unrepresented and kind not in ("no_account", "new_graduate") else None
        drawn[number] = _person(index, name, number, kind, rng, employer_names, company)
    return list(drawn.values())


def _person(
    index: int,
    name: str,
    number: str,
    kind: Kind,
    rng: random.Random,
    employers: Sequence[str],
    company: SandboxCompany | None,
) -> Person:
    late = index // len(_ROUND) % _DAYS_OF_CORRECTION + 1 if kind == "corrected" else None
    one, two = rng.sample(employers, 2)
    if company is None:
        return Person(name, number, kind, _jobs(kind, rng, one, two), corrected_on_day=late)
    return Person(name, number, kind, _jobs(kind, rng, company.name_zh, two), company.uscc, late)


def _birth(kind: Kind, rng: random.Random) -> date:
    oldest, youngest = date(1972, 1, 1), date(1999, 1, 1)
    birth = oldest + timedelta(days=rng.randrange((youngest - oldest).days))
    return birth.replace(year=2003, day=min(birth.day, 28)) if kind == "new_graduate" else birth


def _new_number(index: int, birth: date, rng: random.Random, taken: Container[str], drawn: Container[str]) -> str:
    while True:
        number = resident_id(rng.choice(_DIVISIONS), birth, female=index % 2 == 0, second=True)
        if number not in taken and number not in drawn:
            return number


def _jobs(kind: Kind, rng: random.Random, one: str, two: str) -> tuple[Employment, ...]:
    """The employments that make a person a case of this kind."""
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
