"""Financing of certificates: quote, apply, accept, claim, disburse; every exit gives back what it blocked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from hub.lending.limits.desk import Limit
from hub.lending.rules import FinancingState, LoanState
from hub.platform.outbox import Message
from hub.receivables.service import CertificateState
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE

LIMIT = f"receivable-loan:{BUYER}"
# The certificate of 500 yuan is due on 2026-04-05, 34 days after the tests' day: 90 % at 3.85 % a year, 0.1 % fee.
PRINCIPAL, FEE, INTEREST = 45_000, 45, 164


async def limit(world: LendingWorld) -> Limit:
    return await world.service.limits.get(LIMIT)


async def certificate_state(world: LendingWorld) -> CertificateState:
    return (await world.trade.service.get_certificate("certificate-1")).state


@ON_BOTH
async def test_a_quote_names_the_whole_price(world: LendingWorld) -> None:
    await world.held()
    quote = await world.service.financings.quote(SUPPLIER, "certificate-1")
    assert (quote.principal_fen, quote.interest_fen, quote.fee_fen) == (PRINCIPAL, INTEREST, FEE)
    assert quote.due_fen == PRINCIPAL + INTEREST
    assert quote.annual_rate == Decimal("0.0385")
    # (45,164 / 44,955)^(365/34) - 1
    assert quote.apr == Decimal("0.051054")


@ON_BOTH
async def test_a_quote_blocks_nothing(world: LendingWorld) -> None:
    await world.held()
    before = await world.snapshot()
    await world.service.financings.quote(SUPPLIER, "certificate-1")
    assert await world.snapshot() == before


@ON_BOTH
async def test_an_offer_blocks_certificate_and_limit(world: LendingWorld) -> None:
    await world.held()
    offer = await world.offered()
    assert offer.state is FinancingState.OFFERED
    assert await certificate_state(world) is CertificateState.BLOCKED
    assert (await limit(world)).blocked_fen == PRINCIPAL


@ON_BOTH
async def test_signed_locked_and_paid_out(world: LendingWorld) -> None:
    financing = await world.disbursed()
    assert financing.state is FinancingState.DISBURSED
    assert await world.balance(SUPPLIER) == PRINCIPAL - FEE
    assert await certificate_state(world) is CertificateState.FINANCED
    assert await limit(world) == Limit(20_000_000_000, 0, PRINCIPAL)
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    assert loan.state is LoanState.ACTIVE
    assert loan.owed.total_fen == loan.owed.principal_fen == PRINCIPAL
    assert "loan-disbursed:financing-1" in await world.trade.records()
    await world.check_books()


async def test_nothing_is_paid_while_the_chain_is_away(world: LendingWorld) -> None:
    world.chain.away = True
    financing = await world.disbursed()
    assert financing.state is FinancingState.SIGNED
    assert (await world.book.trial_balance()).by_account == {}
    world.chain.away = False
    world.clock.advance(timedelta(minutes=2))
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.DISBURSED


async def test_an_invoice_financed_elsewhere_is_refused_and_released(world: LendingWorld) -> None:
    world.chain.locked["NOINVOICE1"] = "another bank"
    financing = await world.disbursed()
    assert financing.state is FinancingState.REJECTED
    assert [reason.code for reason in financing.reasons] == ["CLAIM_ALREADY_FINANCED"]
    assert await certificate_state(world) is CertificateState.HELD
    assert await limit(world) == Limit(20_000_000_000, 0, 0)
    assert (await world.book.trial_balance()).by_account == {}


@ON_BOTH
async def test_handlers_that_come_again_change_nothing(world: LendingWorld) -> None:
    financing = await world.disbursed()
    before = await world.snapshot()
    decided: dict[str, object] = {"claim_id": financing.claim_id, "state": "FINANCED", "reason": ""}
    await world.service.claim_decided(Message("claim.decided", "again", decided))
    await world.service.financings.conclude(Message("lending.conclude", "again", {"financing_id": "financing-1"}))
    refusal: dict[str, object] = {**decided, "state": "REFUSED", "reason": "CLAIM_ALREADY_FINANCED"}
    await world.service.claim_decided(Message("claim.decided", "again", refusal))
    assert await world.snapshot() == before


@ON_BOTH
async def test_a_second_certificate_of_the_receivable_shares_the_claim(world: LendingWorld) -> None:
    await world.held()
    certificates = world.trade.service.certificates
    parts = [("certificate-a", 20_000), ("certificate-b", 30_000)]
    await world.run(lambda: certificates.split(SUPPLIER, "certificate-1", parts))
    for certificate in ("certificate-a", "certificate-b"):
        name = f"financing-{certificate[-1]}"
        await world.offered(0, name, certificate)
        await world.signed(name)
        await world.settle_outbox()
    first, second = await world.financing("financing-a"), await world.financing("financing-b")
    assert first.state is second.state is FinancingState.DISBURSED
    assert first.claim_id == second.claim_id
    await world.check_books()


async def test_withdrawing_gives_everything_back(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    withdrawn = await world.withdrawn()
    assert withdrawn.state is FinancingState.WITHDRAWN
    assert await certificate_state(world) is CertificateState.HELD
    assert (await limit(world)).blocked_fen == 0


async def test_an_offer_runs_out_and_gives_everything_back(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    world.clock.advance(timedelta(days=1))
    before = await world.snapshot()
    await refused("OFFER_EXPIRED", world.signed())
    assert await world.snapshot() == before
    await world.service.tick()
    assert (await world.financing()).state is FinancingState.EXPIRED
    assert await certificate_state(world) is CertificateState.HELD
    again = await world.snapshot()
    await world.service.tick()
    assert await world.snapshot() == again


async def test_a_contract_that_waits_past_the_due_date_expires(world: LendingWorld) -> None:
    world.chain.away = True
    await world.disbursed()
    await world.fund(BUYER, 1_000_000)
    move_to(world.clock, at_noon(2026, 4, 5))
    cleared = await world.service.tick()
    assert len(cleared.settled) == 1
    assert (await world.financing()).state is FinancingState.EXPIRED
    assert len(world.chain.released) == 1
    assert await world.balance(SUPPLIER) == 50_020


async def test_repaying_early_frees_certificate_claim_and_limit(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(SUPPLIER, 10_000)
    world.clock.advance(timedelta(days=10))
    owed = await world.service.loans.payoff(SUPPLIER, "financing-1")
    loan = await world.repay(SUPPLIER, int(owed.total_fen), "financing-1")
    assert loan.state is LoanState.CLOSED
    assert await certificate_state(world) is CertificateState.HELD
    assert (await limit(world)).utilised_fen == 0
    assert len(world.chain.released) == 1
    await world.check_books()
    again = await world.run(lambda: world.service.financings.apply(SUPPLIER, "financing-2", "certificate-1", 0))
    assert again.state is FinancingState.OFFERED


@ON_BOTH
async def test_a_buyer_who_left_two_certificates_unpaid_is_rejected_with_reasons(world: LendingWorld) -> None:
    await world.held()
    for number in (1, 2):
        sql = "INSERT INTO lending_clearing (receivable_id, buyer_uscc, overdue, overdue_since) VALUES ($1, $2, $3, $4)"
        async with world.database.transaction():
            await world.database.execute(sql, f"old-{number}", BUYER, True, world.clock.now().date())
    rejected = await world.offered()
    assert rejected.state is FinancingState.REJECTED
    assert [reason.code for reason in rejected.reasons] == ["BUYER_OVERDUE"]
    assert all(reason.text_zh and reason.text_en for reason in rejected.reasons)
    assert await certificate_state(world) is CertificateState.HELD
    replayed = await world.service.decisions.replay(rejected.decision_id)
    assert (replayed.approved, replayed.reasons) == (False, rejected.reasons)


@pytest.mark.parametrize("amount_fen", [45_001, 50_000, 10**15])
async def test_more_than_the_advance_rate_is_refused(world: LendingWorld, amount_fen: int) -> None:
    await world.held()
    before = await world.snapshot()
    error = await refused("AMOUNT_EXCEEDS_RECEIVABLE", world.offered(amount_fen))
    assert error.params["available_fen"] == str(PRINCIPAL)
    assert await world.snapshot() == before


async def test_the_buyers_limit_is_kept(world: LendingWorld) -> None:
    await world.held()
    await world.run(lambda: world.service.limits.set(LIMIT, PRINCIPAL - 1))
    before = await world.snapshot()
    await refused("LIMIT_EXCEEDED", world.offered())
    assert await world.snapshot() == before
    assert (await world.offered(PRINCIPAL - 1)).state is FinancingState.OFFERED


async def test_refusals_change_nothing(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    before = await world.snapshot()
    desk = world.service.financings
    await refused("ALREADY_EXISTS", world.offered())
    await refused("STATE_CONFLICT", world.offered(financing_id="financing-2"))
    await refused("NOT_FOUND", world.run(lambda: desk.apply(SECOND_TIER, "financing-2", "certificate-1", 0)))
    await refused("NOT_FOUND", world.run(lambda: desk.apply(SUPPLIER, "financing-2", "certificate-9", 0)))
    await refused("NOT_FOUND", world.run(lambda: desk.accept(SECOND_TIER, "financing-1")))
    await refused("NOT_FOUND", world.run(lambda: desk.withdraw(SECOND_TIER, "financing-1")))
    await refused("NOT_FOUND", desk.get(SECOND_TIER, "financing-1"))
    assert await world.snapshot() == before


@ON_BOTH
async def test_what_is_signed_cannot_be_signed_or_withdrawn_again(world: LendingWorld) -> None:
    await world.disbursed()
    before = await world.snapshot()
    await refused("STATE_CONFLICT", world.signed())
    await refused("STATE_CONFLICT", world.withdrawn())
    assert await world.snapshot() == before


async def test_a_certificate_about_to_fall_due_is_not_financed(world: LendingWorld) -> None:
    await world.held()
    move_to(world.clock, at_noon(2026, 4, 5))
    before = await world.snapshot()
    await refused("STATE_CONFLICT", world.offered())
    assert await world.snapshot() == before


@ON_BOTH
async def test_the_list_goes_on_where_the_page_ended(world: LendingWorld) -> None:
    await world.held()
    for number in range(5):
        await world.offered(financing_id=f"financing-{number}")
        await world.withdrawn(f"financing-{number}")
        world.clock.advance(timedelta(seconds=number % 2))
    seen, token = [], ""
    while True:
        page = await world.service.financings.list_own(SUPPLIER, 2, token)
        seen += [item.financing_id for item in page.items]
        token = page.next_token
        if not token:
            break
    assert seen == [f"financing-{number}" for number in (4, 3, 2, 1, 0)]
    await refused("INVALID_ARGUMENT", world.service.financings.list_own(SUPPLIER, 2, "bm90IG91cnM"))
