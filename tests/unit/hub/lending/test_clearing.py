"""Clearing at the due date: the buyer pays down the chain, loans first; restartable; unfunded means overdue."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from pytest import MonkeyPatch

from hub.ledger.rules import is_party
from hub.lending.clearing.desk import Cleared, Clearing
from hub.lending.limits.desk import Limit
from hub.lending.rules import LoanState
from hub.platform.database import Database
from hub.receivables.service import CertificateState, Receivable, ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.test_financing import INTEREST, LIMIT, PRINCIPAL
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, at_noon, move_to

pytestmark = ON_SQLITE

AMOUNT = 50_020
DUE = at_noon(2026, 4, 5)


async def receivable_state(world: LendingWorld) -> ReceivableState:
    certificate = await world.trade.service.get_certificate("certificate-1")
    return (await world.trade.service.get_receivable(certificate.receivable_id)).state


async def split_and_transferred(world: LendingWorld) -> None:
    """200 yuan stay with the supplier and are financed, 300 go to the second tier."""
    await world.held()
    certificates = world.trade.service.certificates
    parts = [("certificate-a", 20_000), ("certificate-b", 30_000)]
    await world.run(lambda: certificates.split(SUPPLIER, "certificate-1", parts))
    await world.run(lambda: certificates.transfer(SUPPLIER, "certificate-b", "certificate-c", SECOND_TIER))
    await world.run(lambda: certificates.accept(SECOND_TIER, "certificate-c"))
    await world.run(lambda: world.service.financings.apply(SUPPLIER, "financing-a", "certificate-a", 0))
    await world.run(lambda: world.service.financings.accept(SUPPLIER, "financing-a"))
    await world.settle_outbox()


async def test_the_loan_first_the_rest_to_the_holder(world: LendingWorld) -> None:
    await world.disbursed()
    advance = await world.balance(SUPPLIER)
    await world.fund(BUYER, 100_000)
    move_to(world.clock, DUE)
    cleared = await world.service.tick()
    assert len(cleared.settled) == 1
    assert await world.balance(BUYER) == 100_000 - AMOUNT
    assert await world.balance(SUPPLIER) == advance + AMOUNT - PRINCIPAL - INTEREST
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    assert loan.state is LoanState.CLOSED
    assert loan.owed.total_fen == 0
    assert await receivable_state(world) is ReceivableState.SETTLED
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.REDEEMED
    assert await world.service.limits.get(LIMIT) == Limit(20_000_000_000, 0, 0)
    await world.check_books()


@ON_BOTH
async def test_a_paid_invoice_stays_locked_on_the_chain(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await world.service.tick()
    assert world.chain.released == []
    assert list(world.chain.locked) == ["NOINVOICE1"]


async def test_every_holder_down_the_chain_is_paid(world: LendingWorld) -> None:
    await split_and_transferred(world)
    advance = await world.balance(SUPPLIER)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await world.service.tick()
    assert await world.balance(BUYER) == 0
    assert await world.balance(SECOND_TIER) == 30_000
    # 200 yuan less the loan of 180 with 0.65 interest, and the 0.20 that no certificate covers.
    assert await world.balance(SUPPLIER) == advance + 20_000 - 18_065 + 20
    content = (await world.trade.records())[f"receivable-cleared:{await receivable_id(world)}"][1]
    assert [(item["loan_repaid_fen"], item["holder_paid_fen"]) for item in content["certificates"]] in (
        [(18_065, 1_935), (0, 30_000)],
        [(0, 30_000), (18_065, 1_935)],
    )
    await world.check_books()


async def test_no_holder_learns_what_the_others_were_paid(world: LendingWorld) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await world.service.tick()
    records = await world.trade.records()
    cleared = records[f"receivable-cleared:{await receivable_id(world)}"][1]
    assert not any(is_party(cleared, party) for party in (BUYER, SUPPLIER, SECOND_TIER))
    loans = [content for name, (_, content, _) in records.items() if name.startswith(("loan-", "financing-"))]
    assert loans
    for content in loans:
        assert is_party(content, SUPPLIER)
        assert not is_party(content, BUYER) and not is_party(content, SECOND_TIER)


@ON_BOTH
async def test_one_receivable_that_fails_holds_up_no_other(world: LendingWorld, monkeypatch: MonkeyPatch) -> None:
    first, second = await two_due(world)
    settle = Clearing._settle

    async def stumble(clearing: Clearing, receivable: Receivable, today: date) -> str:
        if receivable.receivable_id == first:
            raise RuntimeError("broken")
        return await settle(clearing, receivable, today)

    monkeypatch.setattr(Clearing, "_settle", stumble)
    await world.fund(BUYER, 10 * AMOUNT)
    with pytest.raises(RuntimeError, match="broken"):
        await world.service.tick()
    assert (await world.trade.service.get_receivable(second)).state is ReceivableState.SETTLED


@ON_BOTH
async def test_receivables_that_are_never_paid_starve_no_other(world: LendingWorld, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("hub.lending.clearing.desk.MOST_AT_ONCE", 1)
    first, second = await two_due(world)
    affordable = Clearing._affordable

    async def second_only(clearing: Clearing, receivable: Receivable) -> bool:
        return receivable.receivable_id == second and await affordable(clearing, receivable)

    monkeypatch.setattr(Clearing, "_affordable", second_only)
    await world.fund(BUYER, 10 * AMOUNT)
    for _ in range(3):
        await world.service.tick()
    assert (await world.trade.service.get_receivable(second)).state is ReceivableState.SETTLED
    assert (await world.trade.service.get_receivable(first)).state is ReceivableState.CONFIRMED


async def two_due(world: LendingWorld) -> tuple[str, str]:
    """Two confirmed receivables of one buyer that are due today, in the order in which they are cleared."""
    ids = sorted([(await world.trade.confirmed(name)).receivable_id for name in ("1", "2")])
    move_to(world.clock, DUE)
    return ids[0], ids[1]


async def receivable_id(world: LendingWorld) -> str:
    return (await world.trade.service.get_certificate("certificate-1")).receivable_id


@ON_BOTH
async def test_clearing_again_changes_nothing(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await world.service.tick()
    before = await world.snapshot()
    assert await world.service.tick() == Cleared((), (), ())
    assert await world.snapshot() == before


async def test_nothing_is_cleared_before_the_due_date(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, at_noon(2026, 4, 4))
    await world.service.registrations.queue_looks()
    await world.service.warnings.run()
    before = await world.snapshot()
    assert await world.service.tick() == Cleared((), (), ())
    assert await world.snapshot() == before


async def test_an_unfunded_buyer_is_overdue_the_day_after_and_pays_later_with_penalty(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT - 1)
    move_to(world.clock, DUE)
    assert len((await world.service.tick()).waiting) == 1
    assert await receivable_state(world) is ReceivableState.CERTIFICATED
    world.clock.advance(timedelta(days=1))
    assert len((await world.service.tick()).overdue) == 1
    assert await receivable_state(world) is ReceivableState.OVERDUE
    assert await world.balance(BUYER) == AMOUNT - 1
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    assert loan.state is LoanState.OVERDUE
    world.clock.advance(timedelta(days=9))
    await world.fund(BUYER, 1)
    assert len((await world.service.tick()).settled) == 1
    # 34 days at 3.85 %, then 10 days at one and a half times that, on 450 yuan.
    interest = 45_000 * 385 * (34 + 15) / (360 * 10_000)
    events = (await world.service.loans.get(SUPPLIER, "financing-1")).events
    assert events[-1].interest_part_fen == round(interest) == 236
    assert await world.balance(SUPPLIER) == 45_000 - 45 + AMOUNT - 45_000 - 236
    await world.check_books()


async def test_what_the_certificate_does_not_cover_stays_owed_by_the_borrower(world: LendingWorld) -> None:
    await world.disbursed()
    move_to(world.clock, at_noon(2029, 4, 5))
    await world.fund(BUYER, AMOUNT)
    await world.service.tick()
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    assert loan.state is LoanState.OVERDUE
    rest = int(loan.owed.total_fen)
    assert loan.events[-1].amount_fen == 50_000
    assert rest > 0
    await world.fund(SUPPLIER, 100_000)
    closed = await world.repay(SUPPLIER, rest, "financing-1")
    assert closed.state is LoanState.CLOSED
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.REDEEMED
    assert world.chain.released == []
    await world.check_books()


async def test_an_offer_that_nobody_took_does_not_keep_a_late_buyer_from_paying(world: LendingWorld) -> None:
    receivable = await world.trade.confirmed()
    certificates = world.trade.service.certificates
    await world.run(lambda: certificates.issue(BUYER, "certificate-1", receivable.receivable_id, receivable.amount_fen))
    move_to(world.clock, at_noon(2026, 4, 6))
    assert len((await world.service.tick()).overdue) == 1
    await world.fund(BUYER, AMOUNT)
    assert len((await world.service.tick()).settled) == 1
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.CANCELLED
    assert await world.balance(SUPPLIER) == AMOUNT
    await world.check_books()


async def test_an_overdue_receivable_is_noted_once(world: LendingWorld) -> None:
    await world.disbursed()
    move_to(world.clock, at_noon(2026, 4, 6))
    await world.service.tick()
    before = await world.snapshot()
    assert len((await world.service.tick()).overdue) == 1
    assert await world.snapshot() == before


@ON_BOTH
async def test_broken_at_each_statement_nothing_is_half_cleared(world: LendingWorld, database: Database) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    async for _ in break_at_each_statement(database, world.service.tick, most=400):
        await world.check_books()
        assert await world.balance(BUYER) in {0, AMOUNT}
        # Paid in full or not at all: with the buyer's money still there nobody downstream has been paid.
        settled = await receivable_state(world) is ReceivableState.SETTLED
        assert settled == (await world.balance(BUYER) == 0)
    assert await receivable_state(world) is ReceivableState.SETTLED


@ON_BOTH
async def test_sixteen_clearings_at_once_pay_once(world: LendingWorld) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, 10 * AMOUNT)
    move_to(world.clock, DUE)
    results = await asyncio.gather(
        *(asyncio.create_task(world.service.tick()) for _ in range(16)), return_exceptions=True
    )
    assert any(isinstance(result, Cleared) for result in results), results
    await world.service.tick()
    assert await world.balance(BUYER) == 9 * AMOUNT
    assert await world.balance(SECOND_TIER) == 30_000
    await world.check_books()
