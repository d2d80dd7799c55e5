"""Loans of huilian.lending.v1 on the wire: flash loans, loans after disbursement, the workout desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import loan_service_pb2_grpc as loan_grpc
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian.lending.v1 import workout_service_pb2_grpc as workout_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.webauthn import Assertion

from hub.lending.flash.desk import Wish
from hub.lending.loans.model import Loan
from hub.lending.messages import (
    evidence_message,
    flash_message,
    loan_message,
    payoff_message,
    plan_content,
    restructuring_message,
)
from hub.lending.service import LendingService
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE

WorkedOut = TypeVar(
    "WorkedOut",
    workout_pb.InvokeRecourseResponse,
    workout_pb.BuyBackLoanResponse,
    workout_pb.ChargeOffLoanResponse,
    workout_pb.RecoverLoanResponse,
    workout_pb.BookRepaymentResponse,
    workout_pb.ReverseRepaymentResponse,
)


class FlashLoanServicer(loan_grpc.FlashLoanServiceServicer):
    """Serves flash loans to persons."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._flash, self._idempotency = service.flash, idempotency

    async def PreviewEvidence(
        self, request: loan_pb.PreviewEvidenceRequest, context: Any
    ) -> loan_pb.PreviewEvidenceResponse:
        """The data that would be decided on. The reads carry their own ids, so a repetition reads nothing anew."""
        items = await self._flash.preview(current_caller().id, request.consent_id)
        return loan_pb.PreviewEvidenceResponse(items=[evidence_message(item) for item in items])

    async def ApplyForFlashLoan(
        self, request: loan_pb.ApplyForFlashLoanRequest, context: Any
    ) -> loan_pb.ApplyForFlashLoanResponse:
        """An offer or a rejection."""
        response_type = loan_pb.ApplyForFlashLoanResponse
        first = await self._idempotency.replay("ApplyForFlashLoan", request, response_type)
        if first is not None:
            return first
        subject = current_caller().id
        # The sources are asked before the transaction begins.
        items = await self._flash.preview(subject, request.consent_id)

        async def use_case() -> loan_pb.ApplyForFlashLoanResponse:
            wish = Wish(request.application_id, request.consent_id, request.amount_fen, request.term_days)
            applied = await self._flash.apply(subject, wish, items)
            return loan_pb.ApplyForFlashLoanResponse(application=flash_message(applied))

        return await self._idempotency.run("ApplyForFlashLoan", request, response_type, use_case)

    async def SignFlashLoan(self, request: loan_pb.SignFlashLoanRequest, context: Any) -> loan_pb.SignFlashLoanResponse:
        """Sign the contract and get the money."""

        async def use_case() -> loan_pb.SignFlashLoanResponse:
            signed = request.assertion
            assertion = Assertion(signed.authenticator_data, signed.client_data_json, signed.signature)
            application = await self._flash.sign(current_caller().id, request.application_id, assertion)
            return loan_pb.SignFlashLoanResponse(application=flash_message(application))

        return await self._idempotency.run("SignFlashLoan", request, loan_pb.SignFlashLoanResponse, use_case)

    async def GetFlashLoanApplication(
        self, request: loan_pb.GetFlashLoanApplicationRequest, context: Any
    ) -> loan_pb.GetFlashLoanApplicationResponse:
        """One application of the caller."""
        application = await self._flash.get(current_caller().id, request.application_id)
        return loan_pb.GetFlashLoanApplicationResponse(application=flash_message(application))


class LoanServicer(loan_grpc.LoanServiceServicer):
    """Serves loans to their borrowers."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._service, self._idempotency = service, idempotency

    async def GetLoan(self, request: loan_pb.GetLoanRequest, context: Any) -> loan_pb.GetLoanResponse:
        """One loan of the caller as of today."""
        loan = await self._service.loans.get(current_caller().id, request.loan_id)
        return loan_pb.GetLoanResponse(loan=loan_message(loan))

    async def ListLoans(self, request: loan_pb.ListLoansRequest, context: Any) -> loan_pb.ListLoansResponse:
        """The caller's loans, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.loans.list_own(current_caller().id, size, request.page.page_token)
        return loan_pb.ListLoansResponse(
            loans=[loan_message(loan) for loan in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def DrawLoan(self, request: loan_pb.DrawLoanRequest, context: Any) -> loan_pb.DrawLoanResponse:
        """More of a revolving loan."""

        async def use_case() -> loan_pb.DrawLoanResponse:
            loan = await self._service.loans.draw(current_caller().id, request.loan_id, request.amount_fen)
            return loan_pb.DrawLoanResponse(loan=loan_message(loan))

        run = self._idempotency.run("DrawLoan", request, loan_pb.DrawLoanResponse, use_case)
        return await self._service.stops.recording(run)

    async def RepayLoan(self, request: loan_pb.RepayLoanRequest, context: Any) -> loan_pb.RepayLoanResponse:
        """A repayment from the caller's deposit account."""

        async def use_case() -> loan_pb.RepayLoanResponse:
            loan = await self._service.repay(current_caller().id, request.loan_id, request.amount_fen)
            return loan_pb.RepayLoanResponse(loan=loan_message(loan))

        return await self._idempotency.run("RepayLoan", request, loan_pb.RepayLoanResponse, use_case)

    async def QuotePayoff(self, request: loan_pb.QuotePayoffRequest, context: Any) -> loan_pb.QuotePayoffResponse:
        """Exactly what closes the loan on a day."""
        as_of = _date(request.as_of_date, "as_of_date") if request.as_of_date else self._service.loans.today()
        owed = await self._service.loans.payoff(current_caller().id, request.loan_id, as_of)
        return payoff_message(owed, as_of)


class WorkoutServicer(workout_grpc.WorkoutServiceServicer):
    """Serves the bank's workout desk. Its operator acts on anybody's loan."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._loans, self._workouts, self._idempotency = service.loans, service.workouts, idempotency
        self._restructurings = service.restructurings

    async def GetLoanCase(self, request: workout_pb.GetLoanCaseRequest, context: Any) -> workout_pb.GetLoanCaseResponse:
        """Any loan as of today."""
        loan = await self._loans.find(request.loan_id)
        return workout_pb.GetLoanCaseResponse(loan=loan_message(loan))

    async def InvokeRecourse(
        self, request: workout_pb.InvokeRecourseRequest, context: Any
    ) -> workout_pb.InvokeRecourseResponse:
        """The borrower pays in the buyer's place."""
        return await self._once(
            request,
            workout_pb.InvokeRecourseResponse,
            lambda: self._workouts.recourse(request.loan_id, request.most_fen),
        )

    async def BuyBackLoan(self, request: workout_pb.BuyBackLoanRequest, context: Any) -> workout_pb.BuyBackLoanResponse:
        """The payoff of the day, from a party's account."""
        return await self._once(
            request,
            workout_pb.BuyBackLoanResponse,
            lambda: self._workouts.buy_back(request.loan_id, request.payer_id),
        )

    async def RestructureLoan(
        self, request: workout_pb.RestructureLoanRequest, context: Any
    ) -> workout_pb.RestructureLoanResponse:
        """Other due dates and another rate, for the borrower to sign."""
        maturity, plan = _date(request.due_date, "due_date"), plan_content(request.repayment_plan)

        async def use_case() -> workout_pb.RestructureLoanResponse:
            offered = await self._restructurings.offer(request.loan_id, request.annual_rate, maturity, plan)
            return workout_pb.RestructureLoanResponse(
                loan=loan_message(offered.loan), restructuring=restructuring_message(offered.loan, offered.offer)
            )

        return await self._idempotency.run("RestructureLoan", request, workout_pb.RestructureLoanResponse, use_case)

    async def ChargeOffLoan(
        self, request: workout_pb.ChargeOffLoanRequest, context: Any
    ) -> workout_pb.ChargeOffLoanResponse:
        """Give a loan up."""
        return await self._once(
            request, workout_pb.ChargeOffLoanResponse, lambda: self._workouts.charge_off(request.loan_id)
        )

    async def RecoverLoan(self, request: workout_pb.RecoverLoanRequest, context: Any) -> workout_pb.RecoverLoanResponse:
        """Money on a loan that was given up."""
        return await self._once(
            request,
            workout_pb.RecoverLoanResponse,
            lambda: self._workouts.recover(request.loan_id, request.payer_id, request.amount_fen),
        )

    async def BookRepayment(
        self, request: workout_pb.BookRepaymentRequest, context: Any
    ) -> workout_pb.BookRepaymentResponse:
        """A repayment of an earlier day."""
        day = _date(request.value_date, "value_date")
        return await self._once(
            request,
            workout_pb.BookRepaymentResponse,
            lambda: self._workouts.repay_back_dated(request.loan_id, request.payer_id, request.amount_fen, day),
        )

    async def ReverseRepayment(
        self, request: workout_pb.ReverseRepaymentRequest, context: Any
    ) -> workout_pb.ReverseRepaymentResponse:
        """A repayment that bounced."""
        loan_id, _, sequence = request.event_id.rpartition(":")
        return await self._once(
            request,
            workout_pb.ReverseRepaymentResponse,
            lambda: self._workouts.reverse(loan_id, int(sequence)),
        )

    async def _once(
        self, request: Any, response_type: type[WorkedOut], use_case: Callable[[], Awaitable[Loan]]
    ) -> WorkedOut:
        async def answer() -> WorkedOut:
            return response_type(loan=loan_message(await use_case()))

        method = type(request).__name__.removesuffix("Request")
        return await self._idempotency.run(method, request, response_type, answer)


def _date(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
