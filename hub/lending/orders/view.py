"""An order loan as its parties see it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.lending.loans.model import Loan
from hub.lending.orders import rules as order_rules
from hub.lending.orders.rules import ApplicationState, OrderLine, OrderLoanState
from hub.lending.orders.stored import Conversion, OrderApplication


@dataclass(frozen=True)
class OrderLoan:
    """An application with its lines and, once it is paid out, its loan and what receivables took over."""

    application: OrderApplication
    lines: tuple[OrderLine, ...]
    conversions: tuple[Conversion, ...]
    loan: Loan | None

    @property
    def outstanding_fen(self) -> int:
        """Principal still owed on the order itself."""
        return int(self.loan.owed.principal_fen) if self.loan else 0

    @property
    def called_fen(self) -> int:
        """Principal that no goods to come stand for: due now."""
        return max(0, self.outstanding_fen - sum(line.remaining_fen for line in self.lines))

    @property
    def state(self) -> ApplicationState | OrderLoanState:
        """The application's until it is paid out, then the loan's."""
        if self.loan is None:
            return self.application.state
        return order_rules.order_loan_state(self.lines, paid_out=True, outstanding_fen=self.outstanding_fen)
