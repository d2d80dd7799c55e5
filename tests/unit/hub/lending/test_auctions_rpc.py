"""Auctions on the wire: an operator admits, a holder offers, a funder bids and lends."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from google.protobuf.duration_pb2 import Duration
from huilian.lending.v1 import auction_service_pb2 as pb
from huilian_protocol.bid import commit_bid

from hub.lending.rpc import AuctionServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.unit.hub.lending.test_auctions import AUCTION, CERTIFICATE, FIRST, HOUR, PRINCIPAL_FEN
from tests.unit.hub.lending.world import SUPPLIER, LendingWorld, refused


async def test_an_auction_over_messages(world: LendingWorld) -> None:
    servicer = AuctionServicer(world.service, Idempotency(world.database, world.clock))
    numbers = itertools.count(1)

    async def call(caller: str, request: Any) -> Any:
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = f"request-{next(numbers)}"
        set_current_caller(Caller(caller, Role.OPERATOR if caller == "operator" else Role.ENTERPRISE))
        method = getattr(servicer, type(request).__name__.removesuffix("Request"))
        answer = await method(type(request).FromString(request.SerializeToString()), None)
        return type(answer).FromString(answer.SerializeToString())

    await world.held()
    await world.fund(FIRST, PRINCIPAL_FEN)
    await call("operator", pb.AdmitFunderRequest(funder_uscc=FIRST))
    hour = Duration(seconds=3600)
    wish = pb.OpenAuctionRequest(
        auction_id=AUCTION,
        certificate_id=CERTIFICATE,
        highest_rate="0.06",
        bidding_duration=hour,
        revealing_duration=hour,
    )
    opened = (await call(SUPPLIER, wish)).auction
    assert (opened.state, opened.principal.amount_fen) == (pb.AUCTION_STATE_OPEN, PRINCIPAL_FEN)
    assert list((await call(FIRST, pb.ListAuctionsRequest())).auctions) == [opened]
    rate, salt = Decimal("0.045"), bytes(range(32))
    sealed = commit_bid(auction_id=AUCTION, bid_id="bid-00001", funder=FIRST, annual_rate=rate, salt=salt)
    place = pb.PlaceBidRequest(request_id="place-a-bid", auction_id=AUCTION, bid_id="bid-00001", commitment=sealed)
    placed = await call(FIRST, place)
    assert (placed.bid.state, placed.bid.annual_rate) == (pb.BID_STATE_SEALED, "")
    assert await call(FIRST, place) == placed
    world.clock.advance(HOUR)
    await refused("STATE_CONFLICT", call(SUPPLIER, pb.WithdrawAuctionRequest(auction_id=AUCTION)))
    reveal = pb.RevealBidRequest(bid_id="bid-00001", annual_rate="0.045", salt=salt)
    assert (await call(FIRST, reveal)).bid.state == pb.BID_STATE_REVEALED
    world.clock.advance(HOUR)
    await world.service.tick()
    await world.settle_outbox()
    seen = await call(SUPPLIER, pb.GetAuctionRequest(auction_id=AUCTION))
    assert (seen.auction.state, [bid.annual_rate for bid in seen.bids]) == (pb.AUCTION_STATE_FUNDED, ["0.045"])
