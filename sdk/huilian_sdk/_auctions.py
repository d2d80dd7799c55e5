"""Auctions of receivable certificates among funders: ``hub.auctions``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import auction_service_pb2 as pb
from huilian_protocol.bid import rate_text

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.AuctionService"


@dataclass(frozen=True, slots=True)
class Auctions:
    """Holders open auctions, funders place and reveal bids. Amounts are fen, rates fractions.

    A bid's commitment is :func:`huilian_protocol.bid.commit_bid`; keep its salt until the bid is revealed.
    """

    calls: Calls

    async def admit_funder(self, funder_uscc: str, *, call: Call | None = None) -> None:
        """Let an enterprise bid from now on; for operators of the hub."""
        request = pb.AdmitFunderRequest(funder_uscc=funder_uscc)
        await self.calls.unary(_SERVICE, request, pb.AdmitFunderResponse, call)

    async def open(
        self,
        certificate_id: str,
        *,
        highest_rate: Decimal,
        bidding: timedelta,
        revealing: timedelta,
        amount_fen: int = 0,
        auction_id: str = "",
        call: Call | None = None,
    ) -> pb.Auction:
        """Offer a certificate to funders for ``amount_fen`` (0: the most that the product gives)."""
        request = pb.OpenAuctionRequest(
            auction_id=self.calls.object_id(auction_id, call),
            certificate_id=certificate_id,
            amount_fen=amount_fen,
            highest_rate=rate_text(highest_rate),
        )
        request.bidding_duration.FromTimedelta(bidding)
        request.revealing_duration.FromTimedelta(revealing)
        return (await self.calls.unary(_SERVICE, request, pb.OpenAuctionResponse, call)).auction

    async def place_bid(self, auction_id: str, bid_id: str, commitment: bytes, *, call: Call | None = None) -> pb.Bid:
        """Commit to a rate; the principal goes to escrow."""
        request = pb.PlaceBidRequest(auction_id=auction_id, bid_id=bid_id, commitment=commitment)
        return (await self.calls.unary(_SERVICE, request, pb.PlaceBidResponse, call)).bid

    async def reveal_bid(self, bid_id: str, annual_rate: Decimal, salt: bytes, *, call: Call | None = None) -> pb.Bid:
        """Open a bid after bidding has closed."""
        request = pb.RevealBidRequest(bid_id=bid_id, annual_rate=rate_text(annual_rate), salt=salt)
        return (await self.calls.unary(_SERVICE, request, pb.RevealBidResponse, call)).bid

    async def withdraw(self, auction_id: str, *, call: Call | None = None) -> pb.Auction:
        """Take the certificate back while bidding goes on."""
        request = pb.WithdrawAuctionRequest(auction_id=auction_id)
        return (await self.calls.unary(_SERVICE, request, pb.WithdrawAuctionResponse, call)).auction

    async def get(self, auction_id: str, *, call: Call | None = None) -> pb.GetAuctionResponse:
        """An auction with the caller's own bid and the one that won."""
        request = pb.GetAuctionRequest(auction_id=auction_id)
        return await self.calls.unary(_SERVICE, request, pb.GetAuctionResponse, call)

    def list(self) -> Pages[pb.Auction]:
        """What the caller may bid for."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Auction], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListAuctionsRequest(page=page), pb.ListAuctionsResponse)
            return [*answer.auctions], answer.page

        return Pages(fetch)
