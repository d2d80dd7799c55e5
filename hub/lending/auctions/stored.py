"""SQL of auctions, their bids, and the funders who may bid."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from huilian_protocol.errors import HuilianError
from tortoise.expressions import Q

from hub.lending.auctions.rules import AuctionState, Bid, BidState, check_transition
from hub.lending.auctions.store import AuctionRow, BidRow, FunderRow
from hub.platform.paging import Page, after_token, page_of


@dataclass(frozen=True)
class Auction:
    """One auction of a loan of `principal_fen` on a certificate, at `highest_rate` at most."""

    auction_id: str
    state: AuctionState
    certificate_id: str
    receivable_id: str
    holder_uscc: str
    buyer_uscc: str
    principal_fen: int
    highest_rate: Decimal
    due_date: date
    closes_at: datetime
    reveals_until: datetime
    claim_id: str | None
    created_at: datetime


async def admit(uscc: str, now: datetime) -> None:
    """This enterprise may bid; again changes nothing."""
    await FunderRow.get_or_create(uscc=uscc, defaults={"admitted_at": now})


async def is_funder(uscc: str) -> bool:
    """Whether an enterprise may bid."""
    return await FunderRow.exists(uscc=uscc)


async def add(auction: Auction) -> None:
    """Writes a new auction."""
    columns = {**asdict(auction), "state": auction.state.value, "highest_rate": format(auction.highest_rate, "f")}
    await AuctionRow.create(**columns)


async def find(auction_id: str) -> Auction:
    """An auction. Raises NOT_FOUND."""
    row = await AuctionRow.get_or_none(auction_id=auction_id)
    if row is None:
        raise HuilianError("NOT_FOUND", resource="auction")
    return _auction(row)


async def exists(auction_id: str) -> bool:
    """Whether there is an auction of this id."""
    return await AuctionRow.exists(auction_id=auction_id)


async def move(auction: Auction, state: AuctionState, claim_id: str | None = None) -> Auction:
    """The auction in its next state. Raises STATE_CONFLICT when the table of states has no such step."""
    check_transition(auction.state, state)
    after = replace(auction, state=state, claim_id=claim_id or auction.claim_id)
    changed = await AuctionRow.filter(auction_id=auction.auction_id, state=auction.state.value).update(
        state=state.value, claim_id=after.claim_id
    )
    if changed != 1:
        raise AssertionError("an auction is changed under its lock only")
    return after


async def ids_to_award(now: datetime, limit: int) -> list[str]:
    """Auctions in which no bid can be revealed any more."""
    rows = AuctionRow.filter(state=AuctionState.OPEN.value, reveals_until__lte=now)
    return [row.auction_id for row in await rows.order_by("reveals_until").limit(limit)]


async def awarded_on_claim(claim_id: str) -> list[str]:
    """Awarded auctions that wait for a claim."""
    rows = AuctionRow.filter(claim_id=claim_id, state=AuctionState.AWARDED.value)
    return [row.auction_id for row in await rows.order_by("auction_id")]


async def page_of_open(now: datetime, size: int, token: str) -> Page[Auction]:
    """Auctions that take bids, newest first."""
    wanted = Q(state=AuctionState.OPEN.value, closes_at__gt=now) & after_token(token, AuctionRow, "auction_id")
    rows = await AuctionRow.filter(wanted).order_by("-created_at", "-auction_id").limit(size + 1)
    return page_of(rows, size, "auction_id", _auction)


async def add_bid(bid: Bid) -> None:
    """Writes a new bid."""
    await BidRow.create(**asdict(bid))


async def set_bid(bid: Bid) -> None:
    """Writes a bid's state and rate."""
    rate = None if bid.annual_rate is None else format(bid.annual_rate, "f")
    await BidRow.filter(bid_id=bid.bid_id).update(state=bid.state.value, annual_rate=rate)


async def bids_of(auction_id: str) -> list[Bid]:
    """The bids in the order in which they came."""
    return [_bid(row) for row in await BidRow.filter(auction_id=auction_id).order_by("sequence")]


async def find_bid(bid_id: str) -> Bid | None:
    """A bid, or None."""
    row = await BidRow.get_or_none(bid_id=bid_id)
    return None if row is None else _bid(row)


def _auction(row: AuctionRow) -> Auction:
    columns: dict[str, Any] = {name: getattr(row, name) for name in Auction.__dataclass_fields__}
    own = {"state": AuctionState(row.state), "highest_rate": Decimal(row.highest_rate)}
    return Auction(**{**columns, **own})


def _bid(row: BidRow) -> Bid:
    columns: dict[str, Any] = {name: getattr(row, name) for name in Bid.__dataclass_fields__}
    rate = None if row.annual_rate is None else Decimal(row.annual_rate)
    return Bid(**{**columns, "state": BidState(row.state), "commitment": bytes(row.commitment), "annual_rate": rate})
