"""Funders bid for a loan on a certificate: nobody sees a rate in time to answer it, and no fen is lost on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from huilian_protocol.bid import commit_bid
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.service import deposit_account
from hub.lending.auctions.desk import Wish
from hub.lending.auctions.rules import AuctionState, Bid, BidState, winner
from hub.lending.auctions.stored import Auction
from hub.lending.rules import LoanState
from hub.platform.database import Database
from hub.platform.outbox import Message
from hub.receivables.service import CertificateState
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to, refused
from tests.unit.hub.receivables.trade import DEALER, SECOND_TIER

pytestmark = ON_SQLITE

AUCTION, CERTIFICATE = "auction-1", "certificate-1"
FIRST, SECOND = SECOND_TIER, DEALER
# 90 % of 50,000 fen.
PRINCIPAL_FEN = 45_000
MONEY_FEN = 100_000
HOUR = timedelta(hours=1)
SALTS = {FIRST: b"1" * 32, SECOND: b"2" * 32}
Work = Callable[[], Awaitable[object]]


async def opened(world: LendingWorld) -> Auction:
    await world.held()
    for funder in SALTS:
        await world.fund(funder, MONEY_FEN)
        await world.run(lambda funder=funder: world.service.auctions.admit(funder))
    return await world.run(lambda: world.service.auctions.open(SUPPLIER, wish()))


def wish(auction_id: str = AUCTION, highest: str = "0.06") -> Wish:
    return Wish(auction_id, CERTIFICATE, 0, Decimal(highest), HOUR, HOUR)


async def bid(world: LendingWorld, funder: str, rate: str) -> Bid:
    made = commit_bid(
        auction_id=AUCTION, bid_id=f"bid-{funder}", funder=funder, annual_rate=Decimal(rate), salt=SALTS[funder]
    )
    return await world.run(lambda: world.service.auctions.bid(funder, AUCTION, f"bid-{funder}", made))


async def reveal(world: LendingWorld, funder: str, rate: str) -> Bid:
    return await world.run(lambda: world.service.auctions.reveal(funder, f"bid-{funder}", Decimal(rate), SALTS[funder]))


async def awarded(world: LendingWorld, first: str = "0.05", second: str = "0.04") -> None:
    """Both bid and reveal; the time for it is over."""
    await opened(world)
    await bid(world, FIRST, first)
    await bid(world, SECOND, second)
    world.clock.advance(HOUR)
    await reveal(world, FIRST, first)
    await reveal(world, SECOND, second)
    world.clock.advance(HOUR)
    await world.service.tick()


async def funded(world: LendingWorld) -> None:
    await awarded(world)
    await world.settle_outbox()


async def seen(world: LendingWorld, caller: str = SUPPLIER) -> tuple[Auction, list[Bid]]:
    return await world.service.auctions.get(caller, AUCTION)


async def test_the_best_rate_lends_its_own_money(world: LendingWorld) -> None:
    await funded(world)
    auction, bids = await seen(world)
    assert (auction.state, [(one.funder, one.annual_rate) for one in bids]) == (
        AuctionState.FUNDED,
        [(SECOND, Decimal("0.04"))],
    )
    assert await world.balance(FIRST) == MONEY_FEN
    assert await world.balance(SECOND) == MONEY_FEN - PRINCIPAL_FEN
    assert await world.balance(SUPPLIER) == PRINCIPAL_FEN - 45, "less the bank's fee of a thousandth"
    loan = await world.service.loans.get(SUPPLIER, AUCTION)
    assert (loan.record.funder, loan.record.terms["annual_rate"]) == (SECOND, "0.04")
    assert (await world.trade.service.get_certificate(CERTIFICATE)).state is CertificateState.FINANCED
    await world.check_books()


async def test_what_the_buyer_pays_is_passed_on(world: LendingWorld) -> None:
    await funded(world)
    await world.fund(BUYER, 50_020)
    move_to(world.clock, at_noon(2026, 4, 5))
    owed_fen = int((await world.service.loans.get(SUPPLIER, AUCTION)).owed.total_fen)
    await world.service.tick()
    assert (await world.service.loans.get(SUPPLIER, AUCTION)).state is LoanState.CLOSED
    assert await world.balance(SECOND) == MONEY_FEN - PRINCIPAL_FEN + owed_fen > MONEY_FEN
    assert await world.book.balance_fen("bank:interest-income") == 0
    assert await world.book.balance_fen(f"entrusted:{AUCTION}") == 0
    await world.check_books()


async def test_a_loss_is_the_funders(world: LendingWorld) -> None:
    await funded(world)
    move_to(world.clock, at_noon(2026, 4, 20))
    await world.service.tick()
    await refused("STATE_CONFLICT", world.run(lambda: world.service.workouts.reverse(AUCTION, 2)))
    await world.run(lambda: world.service.workouts.charge_off(AUCTION))
    assert await world.book.balance_fen("bank:credit-losses") == 0
    assert await world.book.balance_fen(f"entrusted:{AUCTION}") == 0
    before_fen = await world.balance(SECOND)
    await world.run(lambda: world.service.workouts.recover(AUCTION, SUPPLIER, 1_000))
    assert await world.balance(SECOND) == before_fen + 1_000
    await world.check_books()


async def test_a_tie_goes_to_the_earlier(world: LendingWorld) -> None:
    await awarded(world, "0.04", "0.0400")
    await world.settle_outbox()
    assert [one.funder for one in (await seen(world))[1]] == [FIRST]


async def test_sealed_means_sealed(world: LendingWorld) -> None:
    await opened(world)
    await bid(world, FIRST, "0.05")
    assert (await seen(world, SECOND))[1] == [] and (await seen(world))[1] == []
    assert [one.annual_rate for one in (await seen(world, FIRST))[1]] == [None]
    await refused("STATE_CONFLICT", reveal(world, FIRST, "0.05"))
    world.clock.advance(HOUR)
    await refused("STATE_CONFLICT", bid(world, SECOND, "0.049"))
    for other in ("0.049", "0.051", "0.0500001"):
        await refused("INVALID_ARGUMENT", reveal(world, FIRST, other))
    assert (await reveal(world, FIRST, "0.050")).annual_rate == Decimal("0.05")
    await refused("STATE_CONFLICT", reveal(world, FIRST, "0.05"))


async def test_a_bid_that_nobody_opens_is_lost_and_its_money_given_back(world: LendingWorld) -> None:
    await opened(world)
    await bid(world, FIRST, "0.01")
    await bid(world, SECOND, "0.05")
    world.clock.advance(HOUR)
    await reveal(world, SECOND, "0.05")
    world.clock.advance(HOUR)
    await refused("STATE_CONFLICT", reveal(world, FIRST, "0.01"))
    await world.service.tick()
    await world.settle_outbox()
    assert (await seen(world))[0].state is AuctionState.FUNDED
    assert await world.balance(FIRST) == MONEY_FEN


@ON_BOTH
async def test_without_bids_the_certificate_is_free_again(world: LendingWorld) -> None:
    await opened(world)
    await bid(world, FIRST, "0.05")
    world.clock.advance(2 * HOUR)
    await world.service.tick()
    assert (await seen(world))[0].state is AuctionState.FAILED
    assert (await world.trade.service.get_certificate(CERTIFICATE)).state is CertificateState.HELD
    assert await world.balance(FIRST) == MONEY_FEN


async def test_what_another_bank_holds_is_not_funded(world: LendingWorld) -> None:
    world.chain.locked["NOINVOICE1"] = "another bank's claim"
    await funded(world)
    assert (await seen(world))[0].state is AuctionState.FAILED
    assert [await world.balance(funder) for funder in SALTS] == [MONEY_FEN, MONEY_FEN]
    assert (await world.trade.service.get_certificate(CERTIFICATE)).state is CertificateState.HELD


async def test_withdrawing_gives_everything_back(world: LendingWorld) -> None:
    await opened(world)
    await bid(world, FIRST, "0.05")
    await refused("NOT_FOUND", world.run(lambda: world.service.auctions.withdraw(FIRST, AUCTION)))
    withdrawn = await world.run(lambda: world.service.auctions.withdraw(SUPPLIER, AUCTION))
    assert withdrawn.state is AuctionState.WITHDRAWN
    assert await world.balance(FIRST) == MONEY_FEN
    await refused("STATE_CONFLICT", bid(world, SECOND, "0.05"))


@ON_BOTH
async def test_who_may_bid(world: LendingWorld) -> None:
    await opened(world)
    await refused("PERMISSION_DENIED", world.run(lambda: world.service.auctions.bid(BUYER, AUCTION, "b", bytes(32))))
    await world.run(lambda: world.service.auctions.admit(SUPPLIER))
    await refused("PERMISSION_DENIED", world.run(lambda: world.service.auctions.bid(SUPPLIER, AUCTION, "b", bytes(32))))
    await refused("PERMISSION_DENIED", world.service.auctions.list_open(BUYER, 10, ""))
    await refused("NOT_FOUND", seen(world, BUYER))
    assert [one.auction_id for one in (await world.service.auctions.list_open(FIRST, 10, "")).items] == [AUCTION]
    await bid(world, FIRST, "0.05")
    await refused("ALREADY_EXISTS", bid(world, FIRST, "0.05"))
    other = world.run(lambda: world.service.auctions.bid(FIRST, AUCTION, "another", bytes(32)))
    await refused("STATE_CONFLICT", other)
    poor = SECOND
    await world.run(lambda: world.service.auctions.admit(poor))
    deposit = deposit_account(poor)
    assert await world.book.balance_fen(deposit) == MONEY_FEN
    await refused("STATE_CONFLICT", world.run(lambda: world.service.auctions.open(SUPPLIER, wish("auction-2"))))


RATES = st.decimals(min_value=0, max_value="0.06", places=8)


@given(st.lists(st.one_of(st.none(), RATES), max_size=8))
def test_the_winner_is_the_lowest_and_then_the_earliest(rates: list[Decimal | None]) -> None:
    now = at_noon(2026, 3, 1)
    bids = [
        Bid(f"bid-{number}", AUCTION, f"funder-{number}", bytes(32), number, BidState.REVEALED, rate, now)
        for number, rate in enumerate(rates)
    ]
    revealed = [rate for rate in rates if rate is not None]
    best = winner(reversed(bids))
    if not revealed:
        assert best is None
    else:
        assert best is not None and best.sequence == rates.index(min(revealed))


async def opening(world: LendingWorld) -> Work:
    await world.held()
    return lambda: world.run(lambda: world.service.auctions.open(SUPPLIER, wish()))


async def bidding(world: LendingWorld) -> Work:
    await opened(world)
    return lambda: bid(world, FIRST, "0.05")


async def revealing(world: LendingWorld) -> Work:
    await (await bidding(world))()
    world.clock.advance(HOUR)
    return lambda: reveal(world, FIRST, "0.05")


async def awarding(world: LendingWorld) -> Work:
    await (await revealing(world))()
    world.clock.advance(HOUR)
    return world.service.auctions.award


async def paying_out(world: LendingWorld) -> Work:
    return await _answered(world, "FINANCED")


async def failing(world: LendingWorld) -> Work:
    return await _answered(world, "REFUSED")


async def _answered(world: LendingWorld, state: str) -> Work:
    await (await awarding(world))()
    payload: dict[str, object] = {"claim_id": (await seen(world))[0].claim_id, "state": state, "reason": ""}
    await world.service.claim_decided(Message("claim.decided", "test", payload))
    if state == "FINANCED":
        await world.service.registrations.register(Message("", "test", payload))
    return lambda: world.service.auctions.fund(Message("lending.fund", "test", {"id": AUCTION}))


@pytest.mark.parametrize(
    "scene", [opening, bidding, revealing, awarding, paying_out, failing], ids=lambda scene: str(scene.__name__)
)
async def test_nothing_is_left_half_done(
    world: LendingWorld, database: Database, scene: Callable[[LendingWorld], Awaitable[Work]]
) -> None:
    work = await scene(world)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, work):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    assert await world.snapshot() != before
    await world.check_books()
