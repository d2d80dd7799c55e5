"""Financing of receivable certificates: ``hub.financing``."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import financing_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.FinancingService"


@dataclass(frozen=True, slots=True)
class FinancingRequests:
    """Quote, apply, accept and withdraw. Amounts are fen."""

    calls: Calls

    async def quote(self, certificate_id: str, *, call: Call | None = None) -> pb.Quote:
        """The price for a certificate; nothing is blocked."""
        request = pb.QuoteFinancingRequest(certificate_id=certificate_id)
        return (await self.calls.unary(_SERVICE, request, pb.QuoteFinancingResponse, call)).quote

    async def apply(
        self, certificate_id: str, *, amount_fen: int = 0, financing_id: str = "", call: Call | None = None
    ) -> pb.Financing:
        """Apply for ``amount_fen`` (0: the most that the product gives); answered with an offer or a rejection."""
        request = pb.ApplyForFinancingRequest(
            financing_id=self.calls.object_id(financing_id, call),
            certificate_id=certificate_id,
            amount_fen=amount_fen,
        )
        return (await self.calls.unary(_SERVICE, request, pb.ApplyForFinancingResponse, call)).financing

    async def accept(self, financing_id: str, *, call: Call | None = None) -> pb.Financing:
        """Accept and sign the offer; the claim is locked on chain before the money is disbursed."""
        request = pb.AcceptFinancingRequest(financing_id=financing_id)
        return (await self.calls.unary(_SERVICE, request, pb.AcceptFinancingResponse, call)).financing

    async def withdraw(self, financing_id: str, *, call: Call | None = None) -> pb.Financing:
        """Withdraw an application; what it blocked is released."""
        request = pb.WithdrawFinancingRequest(financing_id=financing_id)
        return (await self.calls.unary(_SERVICE, request, pb.WithdrawFinancingResponse, call)).financing

    async def get(self, financing_id: str, *, call: Call | None = None) -> pb.Financing:
        """One application of the caller."""
        request = pb.GetFinancingRequest(financing_id=financing_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetFinancingResponse, call)).financing

    def list(self) -> Pages[pb.Financing]:
        """The caller's applications."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Financing], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListFinancingsRequest(page=page), pb.ListFinancingsResponse)
            return [*answer.financings], answer.page

        return Pages(fetch)
