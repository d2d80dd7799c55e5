"""Steps of collection as data: how many days after the due date what is to be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huilian_protocol.canonical import parse_json

FILE = Path(__file__).parent / "dunning.json"


@dataclass(frozen=True)
class DunningStep:
    """One step, due from so many days after the due date on; said in both languages."""

    step: str
    days_overdue: int
    text_zh: str
    text_en: str


def read_steps(raw: Mapping[str, Any]) -> tuple[DunningStep, ...]:
    """The steps of a file, the earliest first. Raises ValueError for one that names a step twice or out of order."""
    steps = tuple(DunningStep(item["step"], item["days_overdue"], item["zh"], item["en"]) for item in raw["steps"])
    days = [step.days_overdue for step in steps]
    if len({step.step for step in steps}) != len(steps) or days != sorted(days) or any(day < 1 for day in days):
        raise ValueError("steps of collection are named once, from the first day on, the earliest first")
    return steps


def load_steps(path: Path = FILE) -> tuple[DunningStep, ...]:
    """The steps in force."""
    return read_steps(parse_json(path.read_bytes()))


def steps_due(steps: tuple[DunningStep, ...], days_overdue: int) -> tuple[DunningStep, ...]:
    """What should have been done by now."""
    return tuple(step for step in steps if step.days_overdue <= days_overdue)
