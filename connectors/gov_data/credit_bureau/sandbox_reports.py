"""The invented credit reports: accounts, five years of instalments, inquiries; by the kind of the person."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

from connectors.kit.months import Month, Period
from connectors.kit.sandbox_people import Kind, Person
from connectors.kit.upstream import fen_to_yuan

_INSTITUTIONS = ("沙盒商业银行", "沙盒农村信用社", "沙盒消费金融公司")
# How far behind at the end, in instalments.
_BEHIND: dict[Kind, int] = {"arrears": 2, "dishonest_debtor": 7}
_MONTHS = 60


def report_of(person: Person, today: date) -> dict[str, Any] | None:
    """The report of this day (China), or None for somebody without any credit history (白户)."""
    if person.kind == "no_account":
        return None
    rng = random.Random(f"credit {person.resident_id}")  # noqa: S311  repeatable on purpose
    settled = Month.of(today).plus(-1)
    behind = _BEHIND.get(person.kind, 0)
    accounts = [_account(number, rng, behind) for number in range(rng.randint(1, 4))]
    return {
        "name": person.name,
        "idNo": person.resident_id,
        "reportDate": today.isoformat(),
        "accounts": accounts,
        "repayments": _repayments(person, settled, behind, today),
        "inquiries": _inquiries(settled, rng),
    }


def _account(number: int, rng: random.Random, behind: int) -> dict[str, str]:
    limit_fen = rng.randrange(500_000, 50_000_000, 100_000)
    balance_fen = limit_fen * rng.randint(0, 80) // 100
    # Only the first account of somebody in arrears is behind.
    overdue_fen = balance_fen * behind // 24 if number == 0 else 0
    is_settled = number > 0 and rng.random() < 0.3
    return {
        "institution": rng.choice(_INSTITUTIONS),
        "limit": fen_to_yuan(limit_fen),
        "balance": "0.00" if is_settled else fen_to_yuan(balance_fen),
        "overdue": "0.00" if is_settled else fen_to_yuan(overdue_fen),
        "state": "3" if is_settled else "2" if overdue_fen else "1",
    }


def _repayments(person: Person, settled: Month, behind: int, today: date) -> list[dict[str, str]]:
    """One mark a month. Arrears grow to the end; a wrong mark disappears on the day of its correction."""
    marks = {month: "N" for month in Period(settled.plus(1 - _MONTHS), settled)}
    for step in range(behind):
        marks[settled.plus(-step)] = str(behind - step)
    if not person.is_put_right(today):
        marks[settled] = "1"
    return [{"month": str(month), "mark": mark} for month, mark in marks.items()]


def _inquiries(settled: Month, rng: random.Random) -> list[dict[str, str]]:
    first = rng.randint(0, 5)
    return [{"month": str(settled.plus(-months)), "reason": "02"} for months in range(first, 36, rng.randint(3, 9))]
