"""What a loan adds to the books at the close of a day. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from huilian_loans import Rounding, Terms, accrual_per_unit, next_turn, owed, position
from huilian_loans.daycount import DayCount
from huilian_loans.documents import read_terms

from hub.lending.loans.stored import LoanEventRecord, engine_events

_MOST = Decimal(10) ** 38


@dataclass(frozen=True)
class Mark:
    """Where a loan's interest stands at the end of a day, and how it goes on, see `store.AccrualRow`."""

    through_sequence: int
    accrued_fen: int
    accrual: Decimal
    per_unit: Decimal
    basis: str | None
    next_turn: date | None


def mark(terms_document: Mapping[str, Any], events: Sequence[LoanEventRecord], day: date) -> Mark:
    """The engine's figure at the end of `day` by all that is booked; one event at least is not later.

    Events of later days (a close may come late) end the figure's validity as a due date does.
    """
    terms = read_terms(dict(terms_document))
    at = position(terms, engine_events(list(events)), day)
    per_unit = accrual_per_unit(terms, at)
    turns = [event.value_date for event in events if event.value_date > day]
    turn = next_turn(at)
    return Mark(
        through_sequence=max(event.sequence for event in events),
        accrued_fen=int(owed(terms, at).interest_fen),
        accrual=at.accrual if _fits(at.accrual) else Decimal(0),
        per_unit=per_unit if _fits(per_unit) else Decimal(0),
        basis=_basis(terms, at.annual_rate, at.accrual, per_unit),
        next_turn=min([*turns, *([turn] if turn else [])], default=None),
    )


def _basis(terms: Terms, annual_rate: Decimal, accrual: Decimal, per_unit: Decimal) -> str | None:
    """The day count, where the next day's figure is this one's plus so many units, exactly."""
    simple = terms.day_count is not DayCount.ACT_ACT and terms.rounding == Rounding() and annual_rate >= 0
    return terms.day_count.value if simple and _fits(accrual) and _fits(per_unit) else None


def _fits(value: Decimal) -> bool:
    """Whether the column holds it without rounding."""
    exponent = value.as_tuple().exponent
    return abs(value) < _MOST and isinstance(exponent, int) and exponent >= -20
