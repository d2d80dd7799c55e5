"""What the bank's workout desk does to a loan: ``hub.workouts``. For operators of the hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import workout_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.lending.v1.WorkoutService"


@dataclass(frozen=True, slots=True)
class Workouts:
    """Recourse, buy-back, restructuring, charge-off, recovery and corrections. Amounts are fen."""

    calls: Calls

    async def get(self, loan_id: str, *, call: Call | None = None) -> loan_pb.Loan:
        """Anybody's loan as of today."""
        return (
            await self.calls.unary(_SERVICE, pb.GetLoanCaseRequest(loan_id=loan_id), pb.GetLoanCaseResponse, call)
        ).loan

    async def invoke_recourse(self, loan_id: str, most_fen: int, *, call: Call | None = None) -> loan_pb.Loan:
        """Take what is owed, at most ``most_fen``, from the borrower of an overdue loan."""
        request = pb.InvokeRecourseRequest(loan_id=loan_id, most_fen=most_fen)
        return (await self.calls.unary(_SERVICE, request, pb.InvokeRecourseResponse, call)).loan

    async def buy_back(self, loan_id: str, payer_id: str, *, call: Call | None = None) -> loan_pb.Loan:
        """Have a party buy the receivable back at the payoff of the day."""
        request = pb.BuyBackLoanRequest(loan_id=loan_id, payer_id=payer_id)
        return (await self.calls.unary(_SERVICE, request, pb.BuyBackLoanResponse, call)).loan

    async def restructure(
        self,
        loan_id: str,
        *,
        annual_rate: Decimal,
        due_date: date,
        plan: pb.RepaymentPlan,
        call: Call | None = None,
    ) -> pb.Restructuring:
        """Offer other due dates and another rate for the principal that is left; the borrower has to sign."""
        request = pb.RestructureLoanRequest(
            loan_id=loan_id, annual_rate=format(annual_rate, "f"), due_date=due_date.isoformat(), repayment_plan=plan
        )
        return (await self.calls.unary(_SERVICE, request, pb.RestructureLoanResponse, call)).restructuring

    async def charge_off(self, loan_id: str, *, call: Call | None = None) -> loan_pb.Loan:
        """Give an overdue loan up."""
        request = pb.ChargeOffLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.ChargeOffLoanResponse, call)).loan

    async def recover(self, loan_id: str, payer_id: str, amount_fen: int, *, call: Call | None = None) -> loan_pb.Loan:
        """Take money on a loan that was charged off."""
        request = pb.RecoverLoanRequest(loan_id=loan_id, payer_id=payer_id, amount_fen=amount_fen)
        return (await self.calls.unary(_SERVICE, request, pb.RecoverLoanResponse, call)).loan

    async def book_repayment(
        self, loan_id: str, payer_id: str, amount_fen: int, value_date: date, *, call: Call | None = None
    ) -> loan_pb.Loan:
        """Book a repayment that came in on an earlier day."""
        request = pb.BookRepaymentRequest(
            loan_id=loan_id, payer_id=payer_id, amount_fen=amount_fen, value_date=value_date.isoformat()
        )
        return (await self.calls.unary(_SERVICE, request, pb.BookRepaymentResponse, call)).loan

    async def reverse_repayment(self, event_id: str, *, call: Call | None = None) -> loan_pb.Loan:
        """Undo a repayment that bounced; ``event_id`` as the loan's events have it."""
        request = pb.ReverseRepaymentRequest(event_id=event_id)
        return (await self.calls.unary(_SERVICE, request, pb.ReverseRepaymentResponse, call)).loan
