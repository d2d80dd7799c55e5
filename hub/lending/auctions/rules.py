"""Auctions of a certificate among funders: sealed bids, the best rate wins, a tie goes to the earlier. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from huilian_protocol.bid import commit_bid
from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError


class AuctionState(StrEnum):
    """Life of an auction. BIDDING and REVEALING follow the clock; AWARDED waits for the claim on the chain."""

    OPEN = "OPEN"
    AWARDED = "AWARDED"
    FUNDED = "FUNDED"
    FAILED = "FAILED"
    WITHDRAWN = "WITHDRAWN"


class BidState(StrEnum):
    """Life of a bid; its money is in escrow until it is LOST."""

    SEALED = "SEALED"
    REVEALED = "REVEALED"
    WON = "WON"
    LOST = "LOST"


_S = AuctionState
TRANSITIONS: Mapping[AuctionState, frozenset[AuctionState]] = {
    _S.OPEN: frozenset({_S.AWARDED, _S.FAILED, _S.WITHDRAWN}),
    _S.AWARDED: frozenset({_S.FUNDED, _S.FAILED}),
    _S.FUNDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


@dataclass(frozen=True)
class Bid:
    """One funder's bid. `sequence` is its place in time among the auction's bids; the rate is None until revealed."""

    bid_id: str
    auction_id: str
    funder: str
    commitment: bytes
    sequence: int
    state: BidState
    annual_rate: Decimal | None
    placed_at: datetime


def check_transition(state: AuctionState, target: AuctionState) -> None:
    """Raises STATE_CONFLICT unless an auction may go from `state` to `target`."""
    if target not in TRANSITIONS[state]:
        raise HuilianError("STATE_CONFLICT", f"auction: {target} after {state}", state=state)


def check_bidding(state: AuctionState, closes_at: datetime, now: datetime) -> None:
    """Raises STATE_CONFLICT unless bids are still taken."""
    if state is not _S.OPEN or now >= closes_at:
        raise HuilianError("STATE_CONFLICT", f"bids were taken until {format_time(closes_at)}", state=state)


def check_revealing(state: AuctionState, closes_at: datetime, reveals_until: datetime, now: datetime) -> None:
    """Raises STATE_CONFLICT before bidding closed, when a rate would tell the others, and after the time to reveal."""
    if state is not _S.OPEN or not closes_at <= now < reveals_until:
        between = f"{format_time(closes_at)} and {format_time(reveals_until)}"
        raise HuilianError("STATE_CONFLICT", f"bids are opened between {between}", state=state)


def check_opening(bid: Bid, annual_rate: Decimal, salt: bytes, highest_rate: Decimal) -> None:
    """Raises STATE_CONFLICT for a bid that is open, INVALID_ARGUMENT for another rate than was committed to, or one
    above what the holder accepts.
    """
    if bid.state is not BidState.SEALED:
        raise HuilianError("STATE_CONFLICT", "the bid is open", state=bid.state)
    try:
        opened = commit_bid(
            auction_id=bid.auction_id, bid_id=bid.bid_id, funder=bid.funder, annual_rate=annual_rate, salt=salt
        )
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", str(error), field="annual_rate") from error
    if opened != bid.commitment:
        raise HuilianError("INVALID_ARGUMENT", "not the rate and salt that were committed to", field="annual_rate")
    if annual_rate > highest_rate:
        raise HuilianError("INVALID_ARGUMENT", f"the holder accepts {highest_rate} at most", field="annual_rate")


def winner(bids: Iterable[Bid]) -> Bid | None:
    """The revealed bid with the lowest rate, the earliest of several; None when nobody revealed."""
    revealed = [(bid.annual_rate, bid.sequence, bid) for bid in bids if bid.annual_rate is not None]
    return min(revealed, key=lambda item: item[:2])[2] if revealed else None
