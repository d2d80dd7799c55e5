"""Loans on purchase orders: ``hub.order_loans``."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import order_loan_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.OrderLoanService"


@dataclass(frozen=True, slots=True)
class OrderLoans:
    """Quote, apply, sign and withdraw; what goods delivered take over happens by itself. Amounts are fen."""

    calls: Calls

    async def quote(
        self, buyer_uscc: str, order_document_id: str, term_days: int, *, call: Call | None = None
    ) -> financing_pb.Quote:
        """The price of the most that an order fetches; nothing is blocked."""
        request = pb.QuoteOrderLoanRequest(
            buyer_uscc=buyer_uscc, order_document_id=order_document_id, term_days=term_days
        )
        return (await self.calls.unary(_SERVICE, request, pb.QuoteOrderLoanResponse, call)).quote

    async def apply(
        self,
        buyer_uscc: str,
        order_document_id: str,
        term_days: int,
        *,
        amount_fen: int = 0,
        loan_id: str = "",
        call: Call | None = None,
    ) -> pb.OrderLoan:
        """Apply for ``amount_fen`` (0: the most that the product gives); answered with an offer or a rejection."""
        request = pb.ApplyForOrderLoanRequest(
            loan_id=self.calls.object_id(loan_id, call),
            buyer_uscc=buyer_uscc,
            order_document_id=order_document_id,
            amount_fen=amount_fen,
            term_days=term_days,
        )
        return (await self.calls.unary(_SERVICE, request, pb.ApplyForOrderLoanResponse, call)).order_loan

    async def sign(self, loan_id: str, *, call: Call | None = None) -> pb.OrderLoan:
        """Sign the offer; the claim on the order is locked on chain before the money is disbursed."""
        request = pb.SignOrderLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.SignOrderLoanResponse, call)).order_loan

    async def withdraw(self, loan_id: str, *, call: Call | None = None) -> pb.OrderLoan:
        """Take an application back before it is signed."""
        request = pb.WithdrawOrderLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.WithdrawOrderLoanResponse, call)).order_loan

    async def get(self, loan_id: str, *, call: Call | None = None) -> pb.OrderLoan:
        """One order loan of the caller as of today, with its lines and what receivables took over."""
        request = pb.GetOrderLoanRequest(loan_id=loan_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetOrderLoanResponse, call)).order_loan

    def list(self) -> Pages[pb.OrderLoan]:
        """The caller's order loans."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.OrderLoan], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListOrderLoansRequest(page=page), pb.ListOrderLoansResponse)
            return [*answer.order_loans], answer.page

        return Pages(fetch)
