"""The invented register of violations, by the kind of the person, and what the law adds to a fine paid late."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.kit.sandbox_people import Kind, Person, customer_number

_FIRST_DAY = date(2025, 1, 10)
_LAST_DAYS = 640
# Code of the violation, fine in yuan, points.
_TARIFF = (("1039", 200, 0), ("1208", 200, 3), ("1301", 200, 3), ("1625", 200, 6), ("6022", 100, 1), ("1636", 1_000, 6))
_COUNTS: dict[Kind, tuple[int, int]] = {"arrears": (4, 9), "dishonest_debtor": (2, 6), "new_graduate": (0, 2)}
_GRACE_DAYS = 15
_DECISION_PREFIX = "4499"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about one violation; `is_settled` means that it was paid long ago."""

    number: str
    day: date
    code: str
    fine_fen: int
    points: int
    is_settled: bool


def added_fen(decision: Decision, today: date) -> int:
    """What is added for delay: 3 % a day after 15 days, at most the fine itself (行政处罚法 2021, article 72)."""
    late_days = max(0, (today - decision.day).days - _GRACE_DAYS)
    return min(decision.fine_fen, decision.fine_fen * 3 * late_days // 100)


@functools.lru_cache(maxsize=4_096)
def decisions_of(person: Person) -> Sequence[Decision] | None:
    """The decisions about a person, oldest first; None for somebody without a driving licence."""
    if person.kind == "no_account":
        return None
    rng = random.Random(f"traffic {person.resident_id}")  # noqa: S311  repeatable on purpose
    least, most = _COUNTS.get(person.kind, (0, 4))
    days = sorted(_FIRST_DAY + timedelta(days=rng.randrange(_LAST_DAYS)) for _ in range(rng.randint(least, most)))
    return [_decision(person, serial, day, rng) for serial, day in enumerate(days)]


def _decision(person: Person, serial: int, day: date, rng: random.Random) -> Decision:
    code, fine_yuan, points = rng.choice(_TARIFF)
    is_settled = person.kind not in ("arrears", "dishonest_debtor") and rng.random() < 0.7
    # Fifteen digits: area, nine of the person's own, two of the row.
    number = f"{_DECISION_PREFIX}{customer_number(person):09d}{serial:02d}"
    return Decision(number, day, code, fine_yuan * 100, points, is_settled)
