"""Offering a certificate to funders, and bidding for one. The seal of a bid is made on the funder's side."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import auction_service_pb2 as pb
from huilian_protocol.canonical import b64u_decode
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Base64Url, Form, ObjectId, PageSize, PageToken, time_text

STATES = {value: name.removeprefix("AUCTION_STATE_") for name, value in pb.AuctionState.items()}
BID_STATES = {value: name.removeprefix("BID_STATE_") for name, value in pb.BidState.items()}
Rate = Annotated[str, Field(pattern=r"^0(\.[0-9]{1,8})?$")]
Minutes = Annotated[int, Field(ge=1, le=7 * 24 * 60, strict=True)]


class AuctionForm(Form):
    """What to offer; an amount of 0 asks for the most that the product gives."""

    auction_id: ObjectId
    certificate_id: ObjectId
    highest_rate: Rate
    bidding_minutes: Minutes
    revealing_minutes: Minutes
    amount_fen: int = Field(default=0, ge=0, le=10**15, strict=True)


class BidForm(Form):
    """A sealed bid."""

    bid_id: ObjectId
    commitment: Base64Url


class OpeningForm(Form):
    """What opens a bid."""

    annual_rate: Rate
    salt: Base64Url


class Bid(BaseModel):
    """A bid; its rate is empty until it is revealed."""

    bid_id: str
    auction_id: str
    funder_uscc: str
    state: str
    annual_rate: str
    placed_at: str


class Auction(BaseModel):
    """One auction with the bids that the caller may see."""

    auction_id: str
    state: str
    certificate_id: str
    holder_uscc: str
    buyer_uscc: str
    principal_fen: int
    highest_rate: str
    due_date: str
    closes_at: str
    reveals_until: str
    bids: list[Bid]


class Auctions(BaseModel):
    """A page of auctions."""

    auctions: list[Auction]
    next_page_token: str


class AuctionsScreen(Screen):
    """/api/v1/auctions"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Auctions]:
        """What I may bid for.

        Tags: funder
        """
        page = await self.hub.auctions.list().page(page_token=page_token, page_size=page_size)
        shown = [_auction(item) for item in page.items]
        return answer(Auctions(auctions=shown, next_page_token=page.next_page_token))

    async def post(self, body: AuctionForm) -> r201[Auction]:
        """Offer my certificate to funders, at this rate at most. An award binds me.

        Tags: supplier
        """
        call = self.call()
        opened = await self.hub.auctions.open(
            body.certificate_id,
            highest_rate=Decimal(body.highest_rate),
            bidding=timedelta(minutes=body.bidding_minutes),
            revealing=timedelta(minutes=body.revealing_minutes),
            amount_fen=body.amount_fen,
            auction_id=body.auction_id,
            call=call,
        )
        return answer(_auction(opened), call, status=201)


class AuctionScreen(Screen):
    """GET /api/v1/auctions/{auction_id}"""

    async def get(self, auction_id: ObjectId, /) -> r200[Auction]:
        """One auction, with my own bid and the one that won.

        Tags: supplier, funder
        """
        seen = await self.hub.auctions.get(auction_id)
        return answer(_auction(seen.auction, [*seen.bids]))


class WithdrawalScreen(Screen):
    """POST /api/v1/auctions/{auction_id}/withdrawal"""

    async def post(self, auction_id: ObjectId, /) -> r200[Auction]:
        """Take my certificate back while bidding goes on.

        Tags: supplier
        """
        call = self.call()
        return answer(_auction(await self.hub.auctions.withdraw(auction_id, call=call)), call)


class BidsScreen(Screen):
    """POST /api/v1/auctions/{auction_id}/bids"""

    async def post(self, auction_id: ObjectId, /, body: BidForm) -> r201[Bid]:
        """Bid. The principal goes to escrow; nobody sees the rate before bidding has closed.

        Tags: funder
        """
        call = self.call()
        placed = await self.hub.auctions.place_bid(auction_id, body.bid_id, b64u_decode(body.commitment), call=call)
        return answer(_bid(placed), call, status=201)


class RevelationScreen(Screen):
    """POST /api/v1/bids/{bid_id}/revelation"""

    async def post(self, bid_id: ObjectId, /, body: OpeningForm) -> r200[Bid]:
        """Open my bid. One that is not opened in time is lost, and its money given back.

        Tags: funder
        """
        call = self.call()
        rate = Decimal(body.annual_rate)
        return answer(_bid(await self.hub.auctions.reveal_bid(bid_id, rate, b64u_decode(body.salt), call=call)), call)


def _auction(item: pb.Auction, bids: list[pb.Bid] | None = None) -> Auction:
    return Auction(
        auction_id=item.auction_id,
        state=STATES[item.state],
        certificate_id=item.certificate_id,
        holder_uscc=item.holder_uscc,
        buyer_uscc=item.buyer_uscc,
        principal_fen=item.principal.amount_fen,
        highest_rate=item.highest_rate,
        due_date=item.due_date,
        closes_at=time_text(item.close_time),
        reveals_until=time_text(item.reveal_end_time),
        bids=[_bid(bid) for bid in bids or []],
    )


def _bid(item: pb.Bid) -> Bid:
    return Bid(
        bid_id=item.bid_id,
        auction_id=item.auction_id,
        funder_uscc=item.funder_uscc,
        state=BID_STATES[item.state],
        annual_rate=item.annual_rate,
        placed_at=time_text(item.place_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/auctions/{auction_id}"
    return [
        web.view("/api/v1/auctions", AuctionsScreen),
        web.view(one, AuctionScreen),
        web.view(f"{one}/withdrawal", WithdrawalScreen),
        web.view(f"{one}/bids", BidsScreen),
        web.view("/api/v1/bids/{bid_id}/revelation", RevelationScreen),
    ]
