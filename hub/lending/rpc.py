"""Financing of huilian.lending.v1 on the wire: proto in, proto out, no rule; `loans/rpc.py` has what follows it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import auction_service_pb2 as auction_pb
from huilian.lending.v1 import auction_service_pb2_grpc as auction_grpc
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import financing_service_pb2_grpc as financing_grpc
from huilian.lending.v1 import order_loan_service_pb2 as order_pb
from huilian.lending.v1 import order_loan_service_pb2_grpc as order_grpc

from hub.lending.messages import (
    auction_message,
    bid_message,
    financing_message,
    order_loan_message,
    quote_message,
    wish_of,
)
from hub.lending.service import LendingService
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class FinancingServicer(financing_grpc.FinancingServiceServicer):
    """Serves financing to the holders of certificates."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._financings, self._idempotency = service.financings, idempotency

    async def QuoteFinancing(
        self, request: financing_pb.QuoteFinancingRequest, context: Any
    ) -> financing_pb.QuoteFinancingResponse:
        """The price of the most that a certificate fetches."""
        quoted = await self._financings.quote(current_caller().id, request.certificate_id)
        return financing_pb.QuoteFinancingResponse(quote=quote_message(quoted))

    async def ApplyForFinancing(
        self, request: financing_pb.ApplyForFinancingRequest, context: Any
    ) -> financing_pb.ApplyForFinancingResponse:
        """An offer or a rejection."""

        async def use_case() -> financing_pb.ApplyForFinancingResponse:
            applied = await self._financings.apply(
                current_caller().id, request.financing_id, request.certificate_id, request.amount_fen
            )
            return financing_pb.ApplyForFinancingResponse(financing=financing_message(applied))

        response_type = financing_pb.ApplyForFinancingResponse
        return await self._idempotency.run("ApplyForFinancing", request, response_type, use_case)

    async def AcceptFinancing(
        self, request: financing_pb.AcceptFinancingRequest, context: Any
    ) -> financing_pb.AcceptFinancingResponse:
        """Sign the offer."""

        async def use_case() -> financing_pb.AcceptFinancingResponse:
            signed = await self._financings.accept(current_caller().id, request.financing_id)
            return financing_pb.AcceptFinancingResponse(financing=financing_message(signed))

        response_type = financing_pb.AcceptFinancingResponse
        return await self._idempotency.run("AcceptFinancing", request, response_type, use_case)

    async def WithdrawFinancing(
        self, request: financing_pb.WithdrawFinancingRequest, context: Any
    ) -> financing_pb.WithdrawFinancingResponse:
        """Take an application back."""

        async def use_case() -> financing_pb.WithdrawFinancingResponse:
            withdrawn = await self._financings.withdraw(current_caller().id, request.financing_id)
            return financing_pb.WithdrawFinancingResponse(financing=financing_message(withdrawn))

        response_type = financing_pb.WithdrawFinancingResponse
        return await self._idempotency.run("WithdrawFinancing", request, response_type, use_case)

    async def GetFinancing(
        self, request: financing_pb.GetFinancingRequest, context: Any
    ) -> financing_pb.GetFinancingResponse:
        """One application of the caller."""
        financing = await self._financings.get(current_caller().id, request.financing_id)
        return financing_pb.GetFinancingResponse(financing=financing_message(financing))

    async def ListFinancings(
        self, request: financing_pb.ListFinancingsRequest, context: Any
    ) -> financing_pb.ListFinancingsResponse:
        """The caller's applications, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._financings.list_own(current_caller().id, size, request.page.page_token)
        return financing_pb.ListFinancingsResponse(
            financings=[financing_message(financing) for financing in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )


class OrderLoanServicer(order_grpc.OrderLoanServiceServicer):
    """Serves loans on purchase orders to suppliers."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._orders, self._idempotency = service.orders, idempotency

    async def QuoteOrderLoan(
        self, request: order_pb.QuoteOrderLoanRequest, context: Any
    ) -> order_pb.QuoteOrderLoanResponse:
        """The price of the most that an order fetches."""
        asked = (request.buyer_uscc, request.order_document_id, request.term_days)
        return order_pb.QuoteOrderLoanResponse(
            quote=quote_message(await self._orders.quote(current_caller().id, *asked))
        )

    async def ApplyForOrderLoan(
        self, request: order_pb.ApplyForOrderLoanRequest, context: Any
    ) -> order_pb.ApplyForOrderLoanResponse:
        """An offer or a rejection."""

        async def use_case() -> order_pb.ApplyForOrderLoanResponse:
            applied = await self._orders.apply(
                current_caller().id,
                request.loan_id,
                request.buyer_uscc,
                request.order_document_id,
                request.amount_fen,
                request.term_days,
            )
            return order_pb.ApplyForOrderLoanResponse(order_loan=order_loan_message(applied))

        response_type = order_pb.ApplyForOrderLoanResponse
        return await self._idempotency.run("ApplyForOrderLoan", request, response_type, use_case)

    async def SignOrderLoan(
        self, request: order_pb.SignOrderLoanRequest, context: Any
    ) -> order_pb.SignOrderLoanResponse:
        """Sign the offer."""

        async def use_case() -> order_pb.SignOrderLoanResponse:
            signed = await self._orders.sign(current_caller().id, request.loan_id)
            return order_pb.SignOrderLoanResponse(order_loan=order_loan_message(signed))

        return await self._idempotency.run("SignOrderLoan", request, order_pb.SignOrderLoanResponse, use_case)

    async def WithdrawOrderLoan(
        self, request: order_pb.WithdrawOrderLoanRequest, context: Any
    ) -> order_pb.WithdrawOrderLoanResponse:
        """Take an application back."""

        async def use_case() -> order_pb.WithdrawOrderLoanResponse:
            withdrawn = await self._orders.withdraw(current_caller().id, request.loan_id)
            return order_pb.WithdrawOrderLoanResponse(order_loan=order_loan_message(withdrawn))

        response_type = order_pb.WithdrawOrderLoanResponse
        return await self._idempotency.run("WithdrawOrderLoan", request, response_type, use_case)

    async def GetOrderLoan(self, request: order_pb.GetOrderLoanRequest, context: Any) -> order_pb.GetOrderLoanResponse:
        """One order loan of the caller."""
        found = await self._orders.get(current_caller().id, request.loan_id)
        return order_pb.GetOrderLoanResponse(order_loan=order_loan_message(found))

    async def ListOrderLoans(
        self, request: order_pb.ListOrderLoansRequest, context: Any
    ) -> order_pb.ListOrderLoansResponse:
        """The caller's order loans, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._orders.list_own(current_caller().id, size, request.page.page_token)
        return order_pb.ListOrderLoansResponse(
            order_loans=[order_loan_message(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )


class AuctionServicer(auction_grpc.AuctionServiceServicer):
    """Serves auctions to holders of certificates and to funders."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._auctions, self._stops, self._idempotency = service.auctions, service.stops, idempotency

    async def AdmitFunder(self, request: auction_pb.AdmitFunderRequest, context: Any) -> auction_pb.AdmitFunderResponse:
        """An enterprise may bid from now on."""

        async def use_case() -> auction_pb.AdmitFunderResponse:
            await self._auctions.admit(request.funder_uscc)
            return auction_pb.AdmitFunderResponse()

        return await self._idempotency.run("AdmitFunder", request, auction_pb.AdmitFunderResponse, use_case)

    async def OpenAuction(self, request: auction_pb.OpenAuctionRequest, context: Any) -> auction_pb.OpenAuctionResponse:
        """Offer a certificate to funders."""

        async def use_case() -> auction_pb.OpenAuctionResponse:
            opened = await self._auctions.open(current_caller().id, wish_of(request))
            return auction_pb.OpenAuctionResponse(auction=auction_message(opened))

        run = self._idempotency.run("OpenAuction", request, auction_pb.OpenAuctionResponse, use_case)
        return await self._stops.recording(run)

    async def PlaceBid(self, request: auction_pb.PlaceBidRequest, context: Any) -> auction_pb.PlaceBidResponse:
        """Commit to a rate."""

        async def use_case() -> auction_pb.PlaceBidResponse:
            placed = await self._auctions.bid(
                current_caller().id, request.auction_id, request.bid_id, request.commitment
            )
            return auction_pb.PlaceBidResponse(bid=bid_message(placed))

        return await self._idempotency.run("PlaceBid", request, auction_pb.PlaceBidResponse, use_case)

    async def RevealBid(self, request: auction_pb.RevealBidRequest, context: Any) -> auction_pb.RevealBidResponse:
        """Open a bid."""

        async def use_case() -> auction_pb.RevealBidResponse:
            rate = Decimal(request.annual_rate)
            revealed = await self._auctions.reveal(current_caller().id, request.bid_id, rate, request.salt)
            return auction_pb.RevealBidResponse(bid=bid_message(revealed))

        return await self._idempotency.run("RevealBid", request, auction_pb.RevealBidResponse, use_case)

    async def WithdrawAuction(
        self, request: auction_pb.WithdrawAuctionRequest, context: Any
    ) -> auction_pb.WithdrawAuctionResponse:
        """Take the certificate back."""

        async def use_case() -> auction_pb.WithdrawAuctionResponse:
            withdrawn = await self._auctions.withdraw(current_caller().id, request.auction_id)
            return auction_pb.WithdrawAuctionResponse(auction=auction_message(withdrawn))

        return await self._idempotency.run("WithdrawAuction", request, auction_pb.WithdrawAuctionResponse, use_case)

    async def GetAuction(self, request: auction_pb.GetAuctionRequest, context: Any) -> auction_pb.GetAuctionResponse:
        """An auction with the bids that the caller may see."""
        auction, bids = await self._auctions.get(current_caller().id, request.auction_id)
        return auction_pb.GetAuctionResponse(auction=auction_message(auction), bids=[bid_message(bid) for bid in bids])

    async def ListAuctions(
        self, request: auction_pb.ListAuctionsRequest, context: Any
    ) -> auction_pb.ListAuctionsResponse:
        """What the caller may bid for, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._auctions.list_open(current_caller().id, size, request.page.page_token)
        return auction_pb.ListAuctionsResponse(
            auctions=[auction_message(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )
