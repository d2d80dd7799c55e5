"""A loan as the desks, the records and the wire see it: a frozen view of what is stored, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian_loans import Payoff

from hub.lending.loans.stored import BUY_BACK, RECOURSE, LoanEventRecord, LoanRecord
from hub.lending.rules import LoanState


@dataclass(frozen=True)
class Loan:
    """A loan on a day: what was signed, what happened, what is owed. Amounts in fen."""

    record: LoanRecord
    events: tuple[LoanEventRecord, ...]
    as_of: date
    owed: Payoff
    late: bool = False
    written_off_fen: int = 0

    @property
    def in_arrears(self) -> bool:
        """Whether a decision on the borrower must count it: overdue, under recourse or charged off."""
        return self.state in (LoanState.OVERDUE, LoanState.RECOURSE, LoanState.CHARGED_OFF)

    @property
    def state(self) -> LoanState:
        """Where the loan stands on its day, see `LoanState`."""
        kinds = {event.kind for event in self.events}
        owes = self.owed.total_fen > 0
        if self.written_off_fen:
            return LoanState.CHARGED_OFF
        if self.record.closed or (not owes and self.as_of >= self.record.maturity):
            return LoanState.BOUGHT_BACK if BUY_BACK in kinds else LoanState.CLOSED
        if RECOURSE in kinds:
            return LoanState.RECOURSE
        overdue = self.late or (owes and self.as_of > self.record.maturity)
        return LoanState.OVERDUE if overdue else LoanState.ACTIVE
