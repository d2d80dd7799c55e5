"""Security that is disputed, diluted or frozen: loans are called in, applications end, money waits for the court."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hub.accounting.service import Line, deposit_account
from hub.lending.rules import FinancingState, LoanState
from hub.lending.workouts import stored_calls
from hub.lending.workouts.stored_calls import CallState
from hub.receivables.disputes.desk import Ground
from hub.receivables.service import CertificateState, Freeze, FrozenKind, Receivable, ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.test_clearing import DUE
from tests.unit.hub.lending.test_order_loans import billed, delivered, paid_out, receivable_of, seen
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, move_to, refused
from tests.unit.hub.receivables import trade

pytestmark = ON_SQLITE


async def lent_on(world: LendingWorld) -> tuple[Receivable, str]:
    """A receivable that took over its part of an order loan, and the loan on it."""
    await paid_out(world)
    receivable = await delivered(world, steel="40")
    loans = [loan for loan in await world.service.loans.open_of(SUPPLIER) if loan.record.product_id != "order-loan"]
    return receivable, loans[0].record.loan_id


async def disputed(world: LendingWorld, receivable: Receivable) -> Receivable:
    dispute = world.trade.service.disputes.dispute
    return await world.run(lambda: dispute(BUYER, receivable.receivable_id, Ground.QUALITY, ""))


async def call_state(world: LendingWorld, loan_id: str) -> CallState:
    call = await stored_calls.find(loan_id)
    assert call is not None
    return call.state


async def frozen(world: LendingWorld, object_id: str, kind: FrozenKind = FrozenKind.CERTIFICATE) -> Freeze:
    freeze = world.trade.service.freezes.freeze
    return await world.run(lambda: freeze("freeze-0001", kind, object_id, "(2026)沙01执1号", "沙盒市中级人民法院"))


async def test_a_disputed_receivable_calls_its_loan_in_and_is_collected(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    async for _ in break_at_each_statement(world.database, lambda: disputed(world, receivable)):
        assert await stored_calls.find(loan_id) is None
    assert await call_state(world, loan_id) is CallState.OPEN
    owed = (await world.service.loans.find(loan_id)).owed.total_fen
    await world.service.tick()
    assert (await world.service.loans.find(loan_id)).owed.total_fen == owed
    world.clock.advance(timedelta(days=11))
    await world.fund(SUPPLIER, 500_000)
    await world.service.tick()
    assert (await world.service.loans.find(loan_id)).state is LoanState.CLOSED
    assert await call_state(world, loan_id) is CallState.MET
    assert (await receivable_of(world, receivable)).state is ReceivableState.DISPUTED
    await world.check_books()


@ON_BOTH
async def test_a_borrower_without_money_is_asked_once_a_day(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    await disputed(world, receivable)
    await world.fund(BUYER, 1)
    spent = await world.balance(SUPPLIER)
    lines = [Line(deposit_account(SUPPLIER), debit_fen=spent), Line(deposit_account(BUYER), credit_fen=spent)]
    await world.run(lambda: world.book.post("spent", world.clock.now().date(), "test", lines))
    world.clock.advance(timedelta(days=11))
    assert await world.service.impairments.collect() == 1
    assert await world.service.impairments.collect() == 0
    world.clock.advance(timedelta(days=1))
    await world.fund(SUPPLIER, 100)
    assert await world.service.impairments.collect() == 1
    assert await world.balance(SUPPLIER) == 0
    assert await call_state(world, loan_id) is CallState.OPEN
    await world.check_books()


@ON_BOTH
async def test_what_is_confirmed_anew_secures_its_loan_again(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    await disputed(world, receivable)
    await world.run(lambda: world.trade.service.disputes.reinstate(SUPPLIER, receivable.receivable_id))
    prepared = await world.trade.service.confirmations.prepare(BUYER, receivable.receivable_id)
    await world.trade.confirm(prepared)
    assert (await receivable_of(world, receivable)).state is ReceivableState.PLEDGED
    assert await call_state(world, loan_id) is CallState.LIFTED
    await disputed(world, receivable)
    call = await stored_calls.find(loan_id)
    assert call is not None and (call.state, call.times) == (CallState.OPEN, 2)


async def confirmed_anew(world: LendingWorld, receivable: Receivable) -> None:
    await world.run(lambda: world.trade.service.disputes.reinstate(SUPPLIER, receivable.receivable_id))
    await world.trade.confirm(await world.trade.service.confirmations.prepare(BUYER, receivable.receivable_id))


async def given_up(world: LendingWorld, receivable: Receivable) -> None:
    await world.run(lambda: world.trade.service.disputes.give_up(SUPPLIER, receivable.receivable_id))


async def withdrawn_after_a_change(world: LendingWorld, receivable: Receivable) -> None:
    """Stated anew it matches no longer, for the order changed; then its ERP takes the invoice back."""
    world.trade.erps.put(trade.order(steel="10"), "cancelled")
    await world.trade.sync()
    await world.run(lambda: world.trade.service.disputes.reinstate(SUPPLIER, receivable.receivable_id))
    assert (await receivable_of(world, receivable)).state is ReceivableState.DRAFT
    changes = [change.document for change in world.trade.erps.changes]
    (invoice,) = [one for one in changes if one is not None and one.document_id == receivable.invoice_document_id]
    world.trade.erps.put(invoice, "cancelled")
    await world.trade.sync()


@pytest.mark.parametrize("end", [given_up, withdrawn_after_a_change])
async def test_a_receivable_that_is_gone_secures_nothing(
    world: LendingWorld, end: Callable[[LendingWorld, Receivable], Awaitable[None]]
) -> None:
    receivable, loan_id = await lent_on(world)
    await disputed(world, receivable)
    await end(world, receivable)
    assert (await receivable_of(world, receivable)).state is ReceivableState.VOID
    world.clock.advance(timedelta(days=11))
    owed_fen = int((await world.service.loans.find(loan_id)).owed.total_fen)
    lacks_fen = await world.balance(SUPPLIER) - 100
    lines = [Line(deposit_account(SUPPLIER), debit_fen=lacks_fen), Line(deposit_account(BUYER), credit_fen=lacks_fen)]
    await world.fund(BUYER, 1)
    await world.run(lambda: world.book.post("spent", world.clock.now().date(), "test", lines))
    await world.service.tick()
    assert (await world.service.loans.find(loan_id)).owed.total_fen == owed_fen - 100
    assert await call_state(world, loan_id) is CallState.OPEN
    await world.fund(SUPPLIER, 500_000)
    world.clock.advance(timedelta(days=1))
    await world.service.tick()
    assert (await world.service.loans.find(loan_id)).state is LoanState.CLOSED
    assert await call_state(world, loan_id) is CallState.MET
    await world.check_books()


async def test_a_late_credit_note_calls_the_loan_in_and_what_is_left_secures_what_it_can(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="20"))
    pulled = await world.trade.service.trade.pull(BUYER)
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: world.trade.service.trade.take_in(pulled)), most=400
    ):
        assert await stored_calls.find(loan_id) is None
    assert (await receivable_of(world, receivable)).state is ReceivableState.DILUTED
    assert await call_state(world, loan_id) is CallState.OPEN
    await confirmed_anew(world, receivable)
    less = await receivable_of(world, receivable)
    assert (less.state, less.amount_fen) == (ReceivableState.PLEDGED, receivable.amount_fen - 25_010)
    # 20 kg of 1250.5 fen are left, of which nine tenths are lent.
    most_fen = 22_509
    assert (await world.service.loans.find(loan_id)).owed.principal_fen > most_fen
    assert await call_state(world, loan_id) is CallState.OPEN
    world.clock.advance(timedelta(days=11))
    await world.fund(SUPPLIER, 500_000)
    await world.service.tick()
    assert (await world.service.loans.find(loan_id)).owed.principal_fen == most_fen
    assert await call_state(world, loan_id) is CallState.LIFTED
    await world.check_books()


@pytest.mark.parametrize("in_parts", [False, True])
async def test_a_call_ends_when_the_buyer_pays_the_loan(world: LendingWorld, in_parts: bool) -> None:
    receivable, loan_id = await lent_on(world)
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="10"))
    await world.trade.sync()
    await confirmed_anew(world, receivable)
    assert await call_state(world, loan_id) is CallState.OPEN
    move_to(world.clock, DUE)
    owed_fen = int((await world.service.loans.find(loan_id)).owed.total_fen)
    await world.fund(BUYER, receivable.amount_fen)
    if in_parts:
        pay = world.service.part_payments.pay_own
        await world.run(lambda: pay(BUYER, "payment-1", receivable.receivable_id, owed_fen))
    else:
        await world.service.clearing.run()
    assert (await world.service.loans.find(loan_id)).state is LoanState.CLOSED
    assert await call_state(world, loan_id) is CallState.MET


@ON_BOTH
async def test_a_small_credit_leaves_the_loan_secured_once_confirmed_anew(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="1"))
    await world.trade.sync()
    assert await call_state(world, loan_id) is CallState.OPEN
    await confirmed_anew(world, receivable)
    assert await call_state(world, loan_id) is CallState.LIFTED


@ON_BOTH
async def test_nothing_is_lent_on_what_was_diluted_before_the_claim_was_decided(world: LendingWorld) -> None:
    await paid_out(world)
    receivable = await billed(world, steel="40")
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="10"))
    await world.trade.sync()
    await world.settle_outbox()
    assert (await receivable_of(world, receivable)).state is ReceivableState.DILUTED
    assert [loan.record.product_id for loan in await world.service.loans.open_of(SUPPLIER)] == ["order-loan"]
    await confirmed_anew(world, receivable)
    await world.settle_outbox()
    (loan,) = [loan for loan in await world.service.loans.open_of(SUPPLIER) if loan.record.product_id != "order-loan"]
    # 30 kg of 1250.5 fen, of which at most nine tenths are lent.
    assert 0 < loan.owed.principal_fen <= 33_763
    await world.check_books()


@pytest.mark.parametrize("end", [given_up, withdrawn_after_a_change])
@pytest.mark.parametrize("decided_before", [False, True])
async def test_a_conversion_ends_with_its_receivable(
    world: LendingWorld, end: Callable[[LendingWorld, Receivable], Awaitable[None]], decided_before: bool
) -> None:
    before = await paid_out(world)
    receivable = await billed(world, steel="40")
    await disputed(world, receivable)
    if decided_before:
        await world.settle_outbox()
    assert [one.state for one in (await seen(world)).conversions] == ["PENDING"]
    await end(world, receivable)
    await world.settle_outbox()
    after = await seen(world)
    assert [(one.state, one.principal_fen, one.lent_fen) for one in after.conversions] == [("REFUSED", 0, 0)]
    assert after.outstanding_fen == before.outstanding_fen
    assert list(world.chain.locked.values()) == [after.application.claim_id], "the order's claim alone is left"
    assert [loan.record.product_id for loan in await world.service.loans.open_of(SUPPLIER)] == ["order-loan"]
    await world.check_books()


async def test_the_claim_on_what_is_gone_is_given_up_where_its_loan_was_paid_by_the_buyer(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    move_to(world.clock, DUE)
    owed_fen = int((await world.service.loans.find(loan_id)).owed.total_fen)
    await world.fund(BUYER, owed_fen)
    pay = world.service.part_payments.pay_own
    await world.run(lambda: pay(BUYER, "payment-1", receivable.receivable_id, owed_fen))
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="10"))
    await world.trade.sync()
    await world.settle_outbox()
    assert len(world.chain.locked) == 2
    await given_up(world, receivable)
    await world.settle_outbox()
    assert list(world.chain.locked.values()) == [(await seen(world)).application.claim_id], "the order's alone is left"
    await world.check_books()


async def test_what_is_paid_in_part_secures_its_loan_again_and_is_disputed_like_any(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    move_to(world.clock, DUE)
    await world.fund(BUYER, 1_000)
    pay = world.service.part_payments.pay_own
    await world.run(lambda: pay(BUYER, "payment-1", receivable.receivable_id, 1_000))
    await disputed(world, receivable)
    await confirmed_anew(world, receivable)
    assert (await receivable_of(world, receivable)).state is ReceivableState.PLEDGED
    assert await call_state(world, loan_id) is CallState.LIFTED
    dispute = world.trade.service.disputes.dispute
    not_real = dispute(BUYER, receivable.receivable_id, Ground.NOT_REAL, "")
    await refused("STATE_CONFLICT", world.run(lambda: not_real))
    await disputed(world, receivable)
    assert await call_state(world, loan_id) is CallState.OPEN
    await world.check_books()


async def test_a_repayment_that_bounced_calls_in_what_the_receivable_covers_no_more(world: LendingWorld) -> None:
    receivable, loan_id = await lent_on(world)
    await world.fund(SUPPLIER, 500_000)
    owed_fen = int((await world.service.loans.find(loan_id)).owed.total_fen)
    await world.repay(SUPPLIER, owed_fen - 1_000, loan_id)
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="20"))
    await world.trade.sync()
    await confirmed_anew(world, receivable)
    assert await call_state(world, loan_id) is CallState.LIFTED
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: world.service.workouts.reverse(loan_id, 1))
    ):
        assert await call_state(world, loan_id) is CallState.LIFTED
    call = await stored_calls.find(loan_id)
    assert call is not None and (call.state, call.times, call.cause) == (CallState.OPEN, 2, "DILUTED")
    world.clock.advance(timedelta(days=11))
    await world.service.tick()
    # 20 kg of 1250.5 fen are left, of which nine tenths are lent.
    assert (await world.service.loans.find(loan_id)).owed.principal_fen == 22_509
    assert await call_state(world, loan_id) is CallState.LIFTED
    await world.check_books()


async def test_giving_a_receivable_up_and_ending_its_conversion_are_one_step(world: LendingWorld) -> None:
    await paid_out(world)
    receivable = await billed(world, steel="40")
    await disputed(world, receivable)
    await world.settle_outbox()
    async for _ in break_at_each_statement(world.database, lambda: given_up(world, receivable)):
        await world.settle_outbox()
        assert (await receivable_of(world, receivable)).state is ReceivableState.DISPUTED
        assert [one.state for one in (await seen(world)).conversions] == ["PENDING"]
    await world.settle_outbox()
    assert [one.state for one in (await seen(world)).conversions] == ["REFUSED"]


async def test_a_frozen_certificate_is_paid_to_a_frozen_account(world: LendingWorld) -> None:
    await world.held()
    order = await frozen(world, "certificate-1")
    await world.fund(BUYER, 100_000)
    move_to(world.clock, DUE)
    assert len((await world.service.tick()).settled) == 1
    assert await world.book.balance_fen("frozen:certificate-1") == 50_000
    assert await world.balance(SUPPLIER) == 20
    lift = world.trade.service.freezes.unfreeze
    async for _ in break_at_each_statement(world.database, lambda: world.run(lambda: lift(order.freeze_id, "之一"))):
        assert await world.balance(SUPPLIER) == 20
    assert await world.balance(SUPPLIER) == 50_020
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.REDEEMED
    await world.check_books()


async def test_what_is_frozen_of_a_receivable_is_the_suppliers_rest(world: LendingWorld) -> None:
    certificate = await world.held()
    await frozen(world, certificate.receivable_id, FrozenKind.RECEIVABLE)
    await world.fund(BUYER, 100_000)
    move_to(world.clock, DUE)
    await world.service.tick()
    assert await world.book.balance_fen(f"frozen:{certificate.receivable_id}") == 20
    assert await world.balance(SUPPLIER) == 50_000


async def test_the_lender_is_paid_before_the_court(world: LendingWorld) -> None:
    await world.disbursed()
    await frozen(world, "certificate-1")
    advance = await world.balance(SUPPLIER)
    await world.fund(BUYER, 100_000)
    move_to(world.clock, DUE)
    await world.service.tick()
    loan = await world.service.loans.find("financing-1")
    assert loan.state is LoanState.CLOSED
    assert 0 < await world.book.balance_fen("frozen:certificate-1") < 50_000 - 40_000
    assert await world.balance(SUPPLIER) == advance + 20
    await world.check_books()


async def test_an_application_gives_back_what_a_court_freezes(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    await frozen(world, "certificate-1")
    assert (await world.financing()).state is FinancingState.WITHDRAWN
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.FROZEN


async def test_a_signed_contract_ends_before_the_money_leaves(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    await world.signed()
    await frozen(world, "certificate-1")
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.EXPIRED
    assert (await world.service.limits.get(f"receivable-loan:{BUYER}")).blocked_fen == 0
    await refused("NOT_FOUND", world.service.loans.find("financing-1"))


async def test_a_buyer_ninety_days_late_is_in_default_and_may_still_pay(world: LendingWorld) -> None:
    certificate = await world.held()
    move_to(world.clock, DUE + timedelta(days=1))
    await world.service.tick()
    states = []
    for days in (89, 1):
        world.clock.advance(timedelta(days=days))
        await world.service.tick()
        states.append((await world.trade.service.get_receivable(certificate.receivable_id)).state)
    assert states == [ReceivableState.OVERDUE, ReceivableState.DEFAULTED]
    await world.fund(BUYER, 100_000)
    assert len((await world.service.tick()).settled) == 1
