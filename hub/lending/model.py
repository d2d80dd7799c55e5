"""A loan as the desks, the records and the wire see it: a frozen view of what is stored, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian_loans import Payoff

from hub.lending.rules import LoanState
from hub.lending.stored_loans import LoanEventRecord, LoanRecord


@dataclass(frozen=True)
class Loan:
    """A loan on a day: what was signed, what happened, what is owed. Amounts in fen."""

    record: LoanRecord
    events: tuple[LoanEventRecord, ...]
    as_of: date
    owed: Payoff

    @property
    def state(self) -> LoanState:
        """ACTIVE, OVERDUE (something is owed after the due date) or CLOSED."""
        owes = self.owed.total_fen > 0
        if self.record.closed or (not owes and self.as_of >= self.record.maturity):
            return LoanState.CLOSED
        return LoanState.OVERDUE if owes and self.as_of > self.record.maturity else LoanState.ACTIVE
