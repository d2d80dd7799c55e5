"""Loans to dealers on their purchase history: ``hub.dealer_loans``."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import dealer_loan_service_pb2 as pb
from huilian.receivables.v1 import sales_service_pb2 as sales_pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.DealerLoanService"
_SALES = "huilian.receivables.v1.SalesService"


@dataclass(frozen=True, slots=True)
class DealerLoans:
    """Consent to the use of sales data, apply, sign; draw and repay with ``hub.loans``. Amounts are fen, terms days."""

    calls: Calls

    async def sync_sales(self, *, call: Call | None = None) -> sales_pb.SyncSalesResponse:
        """As a core enterprise: have the hub read what your ERP sold."""
        return await self.calls.unary(_SALES, sales_pb.SyncSalesRequest(), sales_pb.SyncSalesResponse, call)

    async def set_consent(self, core_uscc: str, *, granted: bool, call: Call | None = None) -> sales_pb.SalesConsent:
        """Consent, or not any longer: a core enterprise to the use of its sales, a dealer to that of its purchases."""
        request = sales_pb.SetSalesConsentRequest(core_uscc=core_uscc, granted=granted)
        return (await self.calls.unary(_SALES, request, sales_pb.SetSalesConsentResponse, call)).consent

    async def consent(self, core_uscc: str, *, call: Call | None = None) -> sales_pb.SalesConsent:
        """Whether the core enterprise and the caller consent."""
        request = sales_pb.GetSalesConsentRequest(core_uscc=core_uscc)
        return (await self.calls.unary(_SALES, request, sales_pb.GetSalesConsentResponse, call)).consent

    async def apply(
        self, core_uscc: str, amount_fen: int, term_days: int, *, loan_id: str = "", call: Call | None = None
    ) -> pb.DealerLoan:
        """Apply; answered with an offer, a rejection with reasons, or REFERRED to a person."""
        request = pb.ApplyForDealerLoanRequest(
            loan_id=self.calls.object_id(loan_id, call),
            core_uscc=core_uscc,
            amount_fen=amount_fen,
            term_days=term_days,
        )
        return (await self.calls.unary(_SERVICE, request, pb.ApplyForDealerLoanResponse, call)).dealer_loan

    async def sign(self, loan_id: str, *, call: Call | None = None) -> pb.DealerLoan:
        """Sign the offer; the money is paid out at once."""
        request = pb.SignDealerLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.SignDealerLoanResponse, call)).dealer_loan

    async def withdraw(self, loan_id: str, *, call: Call | None = None) -> pb.DealerLoan:
        """Take an application back before it is signed."""
        request = pb.WithdrawDealerLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.WithdrawDealerLoanResponse, call)).dealer_loan

    async def get(self, loan_id: str, *, call: Call | None = None) -> pb.DealerLoan:
        """One application of the caller."""
        request = pb.GetDealerLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetDealerLoanResponse, call)).dealer_loan

    def list(self) -> Pages[pb.DealerLoan]:
        """The caller's applications."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.DealerLoan], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListDealerLoansRequest(page=page), pb.ListDealerLoansResponse)
            return [*answer.dealer_loans], answer.page

        return Pages(fetch)

    def list_referred(self) -> Pages[pb.DealerLoan]:
        """As an operator: what waits for a person."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.DealerLoan], common_pb2.PageResponse]:
            request = pb.ListReferredDealerLoansRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListReferredDealerLoansResponse)
            return [*answer.dealer_loans], answer.page

        return Pages(fetch)

    async def propose(self, loan_id: str, *, approve: bool, reason: str, call: Call | None = None) -> pb.DealerLoan:
        """As an operator: propose a decision on a referred application."""
        request = pb.ProposeDealerLoanReviewRequest(loan_id=loan_id, approve=approve, reason=reason)
        return (await self.calls.unary(_SERVICE, request, pb.ProposeDealerLoanReviewResponse, call)).dealer_loan

    async def review(self, loan_id: str, *, approve: bool, reason: str, call: Call | None = None) -> pb.DealerLoan:
        """As another operator: decide it."""
        request = pb.ReviewDealerLoanRequest(loan_id=loan_id, approve=approve, reason=reason)
        return (await self.calls.unary(_SERVICE, request, pb.ReviewDealerLoanResponse, call)).dealer_loan
