"""Order loans: money on goods to come, taken over by receivables for what came, called in for what will not come."""

from __future__ import annotations

import pytest

from hub.lending.orders.rules import ApplicationState, OrderLoanState
from hub.lending.orders.view import OrderLoan
from hub.lending.rules import LoanState
from hub.receivables.service import Receivable, ReceivableState
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to, refused
from tests.unit.hub.receivables import trade

pytestmark = ON_SQLITE

LOAN, ORDER = "order-loan-1", "purchase-1"
# 100 kg of steel at 1250.5 and 1,000 bolts at 80 fen: 205,050 fen, of which 70 % are lent.
MOST_FEN, STEEL_FEN, BOLTS_FEN = 143_535, 125_050, 80_000


async def ordered(world: LendingWorld) -> None:
    world.trade.erps.put(trade.order())
    await world.trade.sync()


async def applied(world: LendingWorld, amount_fen: int = 0, loan_id: str = LOAN, days: int = 60) -> OrderLoan:
    apply = world.service.orders.apply
    return await world.run(lambda: apply(SUPPLIER, loan_id, BUYER, ORDER, amount_fen, days))


async def signed(world: LendingWorld, loan_id: str = LOAN) -> OrderLoan:
    return await world.run(lambda: world.service.orders.sign(SUPPLIER, loan_id))


async def paid_out(world: LendingWorld, amount_fen: int = 0) -> OrderLoan:
    await ordered(world)
    await applied(world, amount_fen)
    await signed(world)
    await world.settle_outbox()
    return await seen(world)


async def seen(world: LendingWorld) -> OrderLoan:
    return await world.service.orders.get(SUPPLIER, LOAN)


async def billed(world: LendingWorld, name: str = "1", **quantities: str) -> Receivable:
    """Goods came and are invoiced; the buyer confirms."""
    receivable = await world.trade.matched_on(ORDER, name, **quantities)
    prepare = world.trade.service.confirmations.prepare
    return await world.trade.confirm(await prepare(BUYER, receivable.receivable_id))


async def delivered(world: LendingWorld, name: str = "1", **quantities: str) -> Receivable:
    """The same, and the chain has answered."""
    receivable = await billed(world, name, **quantities)
    await world.settle_outbox()
    return await receivable_of(world, receivable)


async def receivable_of(world: LendingWorld, receivable: Receivable) -> Receivable:
    return await world.trade.service.get_receivable(receivable.receivable_id)


async def check(world: LendingWorld) -> None:
    """Books = loans = limits, and no principal on the order but what its lines carry."""
    await world.check_books()
    loans = {loan.record.loan_id: loan for loan in await world.service.loans.open_of(SUPPLIER)}
    for product in ("order-loan", "receivable-loan"):
        used = sum(int(loan.owed.principal_fen) for loan in loans.values() if loan.record.product_id == product)
        await world.run(lambda product=product: world.service.limits.ensure(f"{product}:{BUYER}", 1))
        assert (await world.service.limits.get(f"{product}:{BUYER}")).utilised_fen == used


async def test_money_for_goods_to_come(world: LendingWorld) -> None:
    await ordered(world)
    quoted = await world.service.orders.quote(SUPPLIER, BUYER, ORDER, 60)
    assert (quoted.principal_fen, str(quoted.annual_rate)) == (MOST_FEN, "0.0520")
    offer = await applied(world)
    assert (offer.state, offer.application.quote) == (ApplicationState.OFFERED, quoted)
    assert [(line.ordered_fen, line.principal_fen) for line in offer.lines] == [
        (STEEL_FEN, 87_535),
        (BOLTS_FEN, 56_000),
    ]
    assert (await signed(world)).state is ApplicationState.SIGNED
    await world.settle_outbox()
    loan = await seen(world)
    assert (loan.state, loan.outstanding_fen, loan.called_fen) == (OrderLoanState.ACTIVE, MOST_FEN, 0)
    assert await world.balance(SUPPLIER) == MOST_FEN - quoted.fee_fen
    assert world.chain.locked == {"PONOPURCHASE1": loan.application.claim_id}


async def test_delivered_goods_take_their_part_over(world: LendingWorld) -> None:
    await paid_out(world)
    has_fen = await world.balance(SUPPLIER)
    move_to(world.clock, at_noon(2026, 3, 20))
    receivable = await delivered(world, steel="40")
    assert receivable.state is ReceivableState.PLEDGED
    loan = await seen(world)
    (conversion,) = loan.conversions
    # 40 of 100 kg carry 35,014 fen of principal; their interest is lent with them.
    assert (conversion.state, conversion.principal_fen) == ("CONVERTED", 35_014)
    assert loan.outstanding_fen == MOST_FEN - 35_014 and loan.called_fen == 0
    assert loan.state is OrderLoanState.CONVERTING
    assert conversion.receivable_loan_id is not None
    taken_over = await world.service.loans.get(SUPPLIER, conversion.receivable_loan_id)
    assert (int(taken_over.owed.principal_fen), taken_over.record.product_id) == (
        conversion.lent_fen,
        "receivable-loan",
    )
    assert conversion.lent_fen > 35_014, "with the interest so far"
    assert taken_over.record.terms["annual_rate"] == "0.0385" and taken_over.record.maturity == receivable.due_date
    assert await world.balance(SUPPLIER) == has_fen, "no money left the bank"
    await check(world)


async def test_what_a_receivable_took_over_does_not_bounce(world: LendingWorld) -> None:
    await paid_out(world)
    await delivered(world, steel="40")
    loan = await world.service.loans.get(SUPPLIER, LOAN)
    reverse = world.service.workouts.reverse
    await refused("NOT_FOUND", world.run(lambda: reverse(LOAN, loan.events[-1].sequence)))
    await check(world)


async def test_a_pledged_receivable_backs_no_certificate(world: LendingWorld) -> None:
    await paid_out(world)
    receivable = await billed(world, steel="40")
    issue = world.trade.service.certificates.issue
    for _ in range(2):
        await refused(
            "STATE_CONFLICT",
            world.run(lambda: issue(BUYER, "certificate-1", receivable.receivable_id, 1_000)),
        )
        await world.settle_outbox()


async def test_at_the_due_date_the_buyer_repays_and_the_supplier_gets_the_rest(world: LendingWorld) -> None:
    await paid_out(world)
    receivable = await delivered(world, steel="40")
    conversion = (await seen(world)).conversions[0]
    has_fen = await world.balance(SUPPLIER)
    await world.fund(BUYER, receivable.amount_fen)
    move_to(world.clock, at_noon(2026, 4, 5))
    assert conversion.receivable_loan_id is not None
    owed_fen = int((await world.service.loans.get(SUPPLIER, conversion.receivable_loan_id)).owed.total_fen)
    await world.service.tick()
    assert (await receivable_of(world, receivable)).state is ReceivableState.SETTLED
    assert await world.balance(SUPPLIER) == has_fen + receivable.amount_fen - owed_fen
    assert await world.balance(BUYER) == 0
    assert (await world.service.loans.get(SUPPLIER, conversion.receivable_loan_id)).state is LoanState.CLOSED
    await check(world)


async def test_an_order_that_is_wholly_delivered_gives_the_order_back(world: LendingWorld) -> None:
    first = await paid_out(world)
    await delivered(world, "1", steel="100")
    await delivered(world, "2", bolts="1000")
    loan = await seen(world)
    assert (loan.application.state, loan.state) == (ApplicationState.ENDED, OrderLoanState.CONVERTED)
    assert loan.outstanding_fen == 0
    assert first.application.claim_id in world.chain.released
    await check(world)


async def test_what_another_bank_holds_is_called_in(world: LendingWorld) -> None:
    await paid_out(world)
    world.chain.locked["NOINVOICE1"] = "another bank's claim"
    receivable = await delivered(world, steel="40")
    loan = await seen(world)
    assert (loan.conversions[0].state, loan.state, loan.called_fen) == ("REFUSED", OrderLoanState.DUE, 35_014)
    assert receivable.state is ReceivableState.CONFIRMED, "free again"
    await check(world)


async def test_what_the_buyer_cancels_is_called_in(world: LendingWorld) -> None:
    await paid_out(world)
    await delivered(world, "1", steel="40")
    world.trade.erps.put(trade.order(steel="90"))
    await world.trade.sync()
    await world.settle_outbox()
    loan = await seen(world)
    assert (loan.lines[0].cancelled_fen, loan.called_fen) == (12_505, 8_753)
    world.trade.erps.put(trade.order(steel="90"), erp_state="cancelled")
    await world.trade.sync()
    await world.settle_outbox()
    loan = await seen(world)
    assert (loan.state, loan.called_fen) == (OrderLoanState.DUE, loan.outstanding_fen)
    await world.repay(SUPPLIER, int(loan.loan.owed.total_fen) if loan.loan else 0, LOAN)
    assert (await seen(world)).state is OrderLoanState.CLOSED
    await check(world)


async def test_goods_that_came_before_are_no_part_of_the_loan(world: LendingWorld) -> None:
    await ordered(world)
    await billed(world, "0", steel="40")
    await world.settle_outbox()
    offer = await applied(world)
    assert [line.ordered_fen for line in offer.lines] == [STEEL_FEN - 50_020, BOLTS_FEN]
    await signed(world)
    await world.settle_outbox()
    world.trade.erps.put(trade.order(steel="90"))
    await world.trade.sync()
    await world.settle_outbox()
    assert (await seen(world)).lines[0].cancelled_fen == 12_505


async def test_repaying_early_frees_the_receivable(world: LendingWorld) -> None:
    await paid_out(world)
    receivable = await delivered(world, steel="40")
    loan_id = (await seen(world)).conversions[0].receivable_loan_id
    assert loan_id is not None
    owed_fen = int((await world.service.loans.get(SUPPLIER, loan_id)).owed.total_fen)
    await world.repay(SUPPLIER, owed_fen, loan_id)
    assert (await receivable_of(world, receivable)).state is ReceivableState.CONFIRMED
    assert "NOINVOICE1" not in world.chain.locked
    await check(world)


async def test_one_order_is_lent_on_once(world: LendingWorld) -> None:
    await ordered(world)
    await applied(world, 50_000)
    await refused("STATE_CONFLICT", applied(world, 50_000, "order-loan-2"))
    await refused("ALREADY_EXISTS", applied(world, 50_000))
    await world.run(lambda: world.service.orders.withdraw(SUPPLIER, LOAN))
    assert (await world.service.limits.get(f"order-loan:{BUYER}")).blocked_fen == 0
    assert (await applied(world, 50_000, "order-loan-2")).state is ApplicationState.OFFERED


async def test_an_order_that_another_bank_lends_on_is_rejected(world: LendingWorld) -> None:
    await ordered(world)
    world.chain.locked["PONOPURCHASE1"] = "another bank's claim"
    await applied(world)
    await signed(world)
    await world.settle_outbox()
    loan = await seen(world)
    assert (loan.state, loan.application.reasons[-1].code) == (ApplicationState.REJECTED, "CLAIM_ALREADY_FINANCED")
    assert (await world.service.limits.get(f"order-loan:{BUYER}")).blocked_fen == 0


@pytest.mark.parametrize("days", [181, 400])
async def test_terms_and_amounts_are_the_products(world: LendingWorld, days: int) -> None:
    await ordered(world)
    await refused("TERM_TOO_LONG", applied(world, days=days))
    await refused("AMOUNT_EXCEEDS_RECEIVABLE", applied(world, MOST_FEN + 1))
    await refused("INVALID_ARGUMENT", applied(world, 9_999))
    await refused("NOT_FOUND", world.service.orders.quote(trade.DEALER, BUYER, ORDER, 60))
    world.trade.erps.put(trade.order(), erp_state="cancelled")
    await world.trade.sync()
    await refused("STATE_CONFLICT", applied(world))


async def test_offers_run_out(world: LendingWorld) -> None:
    await ordered(world)
    offer = await applied(world)
    move_to(world.clock, offer.application.offer_expires_at)
    await refused("OFFER_EXPIRED", signed(world))
    await world.service.tick()
    assert (await seen(world)).state is ApplicationState.EXPIRED
    assert (await world.service.limits.get(f"order-loan:{BUYER}")).blocked_fen == 0
