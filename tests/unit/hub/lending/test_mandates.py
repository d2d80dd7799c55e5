"""Nothing is signed for an enterprise that is not verified, nor, once it has signers, without the word of one."""

from __future__ import annotations

import pytest
from huilian_protocol.signers import Power

from hub.lending.auctions.rules import AuctionState, BidState
from hub.lending.dealers.rules import DealerState
from hub.lending.orders.rules import ApplicationState
from hub.lending.rules import FinancingState
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending import test_auctions as auctions
from tests.unit.hub.lending import test_dealer_loans as dealers
from tests.unit.hub.lending import test_order_loans as orders
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, refused
from tests.unit.hub.receivables.trade import DEALER

pytestmark = ON_SQLITE


async def test_a_financing_needs_a_signer(world: LendingWorld) -> None:
    await world.held()
    offer = await world.offered()
    mandates = world.trade.mandates
    mandates.withheld.add((Power.FINANCE, "financing-1"))
    await refused("PERMISSION_DENIED", world.signed())
    mandates.withheld.clear()
    assert (await world.signed()).state is FinancingState.SIGNED
    assert mandates.asked[-1] == (SUPPLIER, Power.FINANCE, "financing-1", offer.quote.principal_fen)


async def test_an_order_loan_needs_a_signer(world: LendingWorld) -> None:
    await orders.ordered(world)
    offer = await orders.applied(world)
    mandates = world.trade.mandates
    mandates.withheld.add((Power.FINANCE, orders.LOAN))
    await refused("PERMISSION_DENIED", orders.signed(world))
    mandates.withheld.clear()
    assert (await orders.signed(world)).state is ApplicationState.SIGNED
    assert mandates.asked[-1] == (SUPPLIER, Power.FINANCE, orders.LOAN, offer.application.quote.principal_fen)


async def test_a_dealer_loan_and_each_draw_on_it_need_a_signer(world: LendingWorld) -> None:
    await dealers.known(world, dealers.sales())
    offer = await dealers.applied(world)
    mandates = world.trade.mandates
    mandates.withheld.add((Power.FINANCE, dealers.LOAN))
    await refused("PERMISSION_DENIED", dealers.signed(world))
    mandates.withheld.clear()
    assert (await dealers.signed(world)).state is DealerState.DISBURSED
    assert mandates.asked[-1] == (DEALER, Power.FINANCE, dealers.LOAN, offer.quote.principal_fen)
    mandates.withheld.add((Power.FINANCE, dealers.LOAN))
    await refused("PERMISSION_DENIED", world.draw(DEALER, 100, dealers.LOAN))
    mandates.withheld.clear()
    await world.draw(DEALER, 100, dealers.LOAN)
    assert mandates.asked[-1] == (DEALER, Power.FINANCE, dealers.LOAN, 100)


@ON_BOTH
async def test_an_offer_to_funders_and_a_bid_need_signers(world: LendingWorld) -> None:
    mandates = world.trade.mandates
    mandates.withheld |= {(Power.FINANCE, auctions.AUCTION), (Power.FUND, f"bid-{auctions.FIRST}")}
    await refused("PERMISSION_DENIED", auctions.opened(world))
    mandates.withheld.discard((Power.FINANCE, auctions.AUCTION))
    opened = await world.run(lambda: world.service.auctions.open(SUPPLIER, auctions.wish()))
    assert opened.state is AuctionState.OPEN
    assert mandates.asked[-1] == (SUPPLIER, Power.FINANCE, auctions.AUCTION, auctions.PRINCIPAL_FEN)
    await refused("PERMISSION_DENIED", auctions.bid(world, auctions.FIRST, "0.05"))
    assert await world.balance(auctions.FIRST) == auctions.MONEY_FEN
    mandates.withheld.clear()
    assert (await auctions.bid(world, auctions.FIRST, "0.05")).state is BidState.SEALED
    assert mandates.asked[-1] == (auctions.FIRST, Power.FUND, f"bid-{auctions.FIRST}", auctions.PRINCIPAL_FEN)


@ON_BOTH
async def test_who_is_not_verified_is_lent_nothing(world: LendingWorld) -> None:
    await world.held()
    await orders.ordered(world)
    await dealers.known(world, dealers.sales())
    world.trade.mandates.unverified |= {SUPPLIER, DEALER}
    await refused("STATE_CONFLICT", world.offered())
    await refused("STATE_CONFLICT", orders.applied(world))
    await refused("STATE_CONFLICT", dealers.applied(world))
    error = await refused("STATE_CONFLICT", world.run(lambda: world.service.auctions.open(SUPPLIER, auctions.wish())))
    assert error.params["state"] == "ENTERPRISE_NOT_VERIFIED"


async def test_who_is_struck_off_after_the_offer_signs_no_more(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    world.trade.mandates.unverified.add(SUPPLIER)
    await refused("STATE_CONFLICT", world.signed())


@pytest.mark.parametrize("struck_off", [SUPPLIER, BUYER])
async def test_no_money_goes_out_once_a_party_is_struck_off(world: LendingWorld, struck_off: str) -> None:
    await world.held()
    await world.offered()
    await world.signed()
    world.trade.mandates.unverified.add(struck_off)
    await world.settle_outbox()
    financing = await world.financing()
    assert (financing.state, financing.reasons[-1].code) == (FinancingState.REJECTED, "STATE_CONFLICT")
    assert not await world.service.loans.open_of(SUPPLIER)
    # Nothing stays blocked: verified again, it is financed.
    world.trade.mandates.unverified.clear()
    await world.run(lambda: world.service.financings.apply(SUPPLIER, "financing-2", "certificate-1", 0))
    await world.signed("financing-2")
    await world.settle_outbox()
    assert (await world.financing("financing-2")).state is FinancingState.DISBURSED


async def test_no_money_goes_out_on_an_order_or_from_funders_either(world: LendingWorld) -> None:
    await orders.ordered(world)
    await orders.applied(world)
    await orders.signed(world)
    await auctions.awarded(world)
    world.trade.mandates.unverified.add(SUPPLIER)
    await world.settle_outbox()
    assert (await orders.seen(world)).state is ApplicationState.REJECTED
    auction, _ = await world.service.auctions.get(SUPPLIER, auctions.AUCTION)
    assert auction.state is AuctionState.FAILED
    assert await world.balance(auctions.FIRST) == await world.balance(auctions.SECOND) == auctions.MONEY_FEN
    await world.check_books()
    await world.check_limits()


async def test_paying_a_loan_or_a_receivable_needs_a_signer_but_no_standing(world: LendingWorld) -> None:
    await dealers.known(world, dealers.sales())
    await dealers.applied(world)
    await dealers.signed(world)
    mandates = world.trade.mandates
    mandates.unverified.add(DEALER)
    mandates.withheld.add((Power.PAY, dealers.LOAN))
    await refused("PERMISSION_DENIED", world.run(lambda: world.service.loans.repay(DEALER, dealers.LOAN, 100)))
    mandates.withheld.clear()
    await world.run(lambda: world.service.loans.repay(DEALER, dealers.LOAN, 100))
    assert mandates.asked[-1] == (DEALER, Power.PAY, dealers.LOAN, 100)


async def test_a_buyers_payment_needs_a_signer(world: LendingWorld) -> None:
    receivable = await world.trade.confirmed()
    mandates, identity = world.trade.mandates, receivable.receivable_id
    mandates.withheld.add((Power.PAY, identity))
    pay = world.service.part_payments.pay_own
    await refused("PERMISSION_DENIED", world.run(lambda: pay(BUYER, "payment-1", identity, 100)))
    mandates.withheld.clear()
    # With the word it is judged as any payment; this one is not due.
    await refused("STATE_CONFLICT", world.run(lambda: pay(BUYER, "payment-1", identity, 100)))
    assert mandates.asked[-1] == (BUYER, Power.PAY, identity, 100)
