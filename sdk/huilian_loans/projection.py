"""Every period of a loan: what has happened until a day, and what follows when everything is paid when it falls due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from huilian_loans.position import (
    Payoff,
    Position,
    accrue,
    as_money,
    fallen_due,
    next_due_date,
    owed,
    start,
)
from huilian_loans.replay import apply, chronological
from huilian_loans.terms import Draw, Event, FeeCharged, Repay, Terms

_ZERO = Decimal(0)
_AFTER_ALL = 1_000_000_000


@dataclass(frozen=True)
class Period:
    """One period, from `start` to `end` (a due date; the as-of day for what is late after the last). Amounts in fen.

    `interest_fen` is that of the whole period on principal in time, `penalty_fen` that on late principal (at the
    contract's rate while grace lasts), `principal_due_fen` the principal planned for the due date. `due` is what should
    be paid on it in all, arrears included, by bucket. `projected` says that the period ends after the as-of day, so
    that its payment is an assumption.
    """

    number: int
    start: date
    end: date
    opening_principal_fen: Decimal
    drawn_fen: Decimal
    interest_fen: Decimal
    penalty_fen: Decimal
    fees_fen: Decimal
    principal_due_fen: Decimal
    due: Payoff
    paid_fen: Decimal
    closing_principal_fen: Decimal
    projected: bool


def project(terms: Terms, events: Sequence[Event], as_of: date) -> list[Period]:
    """The periods of a loan with due dates; none before its first event. Events after `as_of` are left out.

    Raises ValueError for terms without due dates, EngineError for events that the loan cannot take.
    """
    if terms.due_plan is None:
        raise ValueError("a loan without maturity and plan has no periods")
    standing = [event for event in chronological(events) if event.value_date <= as_of]
    return _Walk(terms, standing, as_of).run() if standing else []


class _Walk:
    """From due date to due date. Keeps the sums of the period that it is in."""

    def __init__(self, terms: Terms, events: list[Event], as_of: date) -> None:
        self._terms, self._events, self._as_of = terms, events, as_of
        self._at = start(terms, events[0].value_date)
        self._periods: list[Period] = []
        self._sums = dict.fromkeys((Draw, Repay, FeeCharged), _ZERO)

    def run(self) -> list[Period]:
        while self._goes_on():
            before, begin = self._at, self._periods[-1].end if self._periods else self._at.as_of
            self._sums = dict.fromkeys(self._sums, _ZERO)
            end = self._play_to_due_date()
            due, fallen = fallen_due(self._terms, self._at), self._at.fallen
            planned = fallen.principal_fen if fallen and fallen.due_date == end else _ZERO
            interest = fallen.interest_fen if fallen and fallen.due_date == end else self._interest_so_far()
            self._pay_or_apply(end, due)
            self._note(before, begin, end, due, interest, planned)
        return self._periods

    def _goes_on(self) -> bool:
        if self._events:
            return True
        at, last = self._at, self._terms.due_plan
        if next_due_date(at) is None:
            return at.as_of < self._as_of and last is not None and owed(self._terms, at).total_fen > 0
        return at.as_of < self._as_of or at.principal_fen > 0 or owed(self._terms, at).total_fen > 0

    def _play_to_due_date(self) -> date:
        """Plays what happened before the next due date, which a restructuring can move; the day reached."""
        while True:
            end = next_due_date(self._at) or self._as_of
            if not self._events or self._events[0].value_date >= end:
                break
            self._take(self._events.pop(0))
        self._at = accrue(self._terms, self._at, end)
        return end

    def _pay_or_apply(self, end: date, due: Payoff) -> None:
        while self._events and self._events[0].value_date <= end:
            self._take(self._events.pop(0))
        if end > self._as_of and due.total_fen > 0:
            self._take(Repay(sequence=_AFTER_ALL, value_date=end, amount_fen=due.total_fen))

    def _take(self, event: Event) -> None:
        applied = apply(self._terms, accrue(self._terms, self._at, event.value_date), event)
        self._at = applied.position
        if isinstance(event, Draw | Repay | FeeCharged):
            self._sums[type(event)] += event.amount_fen

    def _interest_so_far(self) -> Decimal:
        return as_money(self._terms, self._at.period_accrual)

    def _note(self, before: Position, begin: date, end: date, due: Payoff, interest: Decimal, planned: Decimal) -> None:
        penalty = as_money(self._terms, self._at.late_accrual) - as_money(self._terms, before.late_accrual)
        self._periods.append(
            Period(
                number=len(self._periods) + 1,
                start=begin,
                end=end,
                opening_principal_fen=before.principal_fen,
                drawn_fen=self._sums[Draw],
                interest_fen=interest,
                penalty_fen=penalty,
                fees_fen=self._sums[FeeCharged],
                principal_due_fen=planned,
                due=due,
                paid_fen=self._sums[Repay],
                closing_principal_fen=self._at.principal_fen,
                projected=end > self._as_of,
            )
        )
