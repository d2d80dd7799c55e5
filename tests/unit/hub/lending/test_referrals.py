"""What a red warning leaves to a person: one queue, two persons for large amounts, nothing blocked before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from huilian.lending.v1 import referral_service_pb2 as pb

from hub.lending.financings.stored import Financing
from hub.lending.limits.desk import Parties
from hub.lending.orders.rules import ApplicationState
from hub.lending.products.definitions import ORDER_LOAN, RECEIVABLE_LOAN, load_products
from hub.lending.referrals.rpc import ReferralServicer
from hub.lending.referrals.stored import Referral, ReferralState
from hub.lending.rules import FinancingState
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.service import CertificateState
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.test_clearing import DUE
from tests.unit.hub.lending.test_order_loans import LOAN, applied, ordered, seen
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, move_to, refused

S, R = FinancingState, ReferralState
pytestmark = pytest.mark.parametrize("database_maker", ["sqlite"], indirect=True)
LIMIT = f"{RECEIVABLE_LOAN}:{BUYER}"
LENT = 20_000_000_000


async def red(world: LendingWorld) -> None:
    """The bank has lent too much on the buyer."""
    limits = world.service.limits
    await world.run(lambda: limits.ensure(LIMIT, 10**12))
    await world.run(lambda: limits.block(LIMIT, "concentration", LENT // 2, Parties("other-loan", BUYER, BUYER)))
    await world.service.warnings.run()
    assert await world.service.warnings.red(BUYER, SUPPLIER)


async def referred(world: LendingWorld) -> Financing:
    await red(world)
    await world.held()
    return await world.offered()


async def decided(
    world: LendingWorld, operator: str = "operator-1", name: str = "financing-1", *, approve: bool = True
) -> Referral:
    decide = world.service.referrals.decide
    return await world.run(lambda: decide(operator, name, "已核实", approve=approve))


async def certificate_state(world: LendingWorld) -> CertificateState:
    return (await world.trade.service.get_certificate("certificate-1")).state


async def test_left_to_a_person_approved_at_the_price_of_that_day_and_paid(world: LendingWorld) -> None:
    financing = await referred(world)
    assert (financing.state, [one.code for one in financing.reasons]) == (S.REFERRED, ["RED_WARNING"])
    assert await certificate_state(world) is CertificateState.HELD
    assert (await world.service.limits.get(LIMIT)).blocked_fen == LENT // 2
    await refused("STATE_CONFLICT", world.signed())
    world.clock.advance(timedelta(days=3))
    assert (await decided(world)).state is R.APPROVED
    offered = await world.financing()
    assert (offered.state, offered.quote.principal_fen) == (S.OFFERED, financing.quote.principal_fen)
    assert offered.quote.interest_fen < financing.quote.interest_fen
    assert offered.terms["annual_rate"] == financing.terms["annual_rate"]
    assert await certificate_state(world) is CertificateState.BLOCKED
    await world.signed()
    await world.settle_outbox()
    assert (await world.financing()).state is S.DISBURSED
    await refused("STATE_CONFLICT", decided(world, "operator-2"))
    await world.check_books()
    today = world.clock.now().date()
    counts = {one.table: one for one in await world.service.decisions.report(today - timedelta(days=5), today)}
    assert (counts[RECEIVABLE_LOAN].referred, counts[RECEIVABLE_LOAN].automatic_share) == (1, 0)


async def test_refused_with_a_reason_that_the_applicant_sees(world: LendingWorld) -> None:
    await referred(world)
    await decided(world, approve=False)
    financing = await world.financing()
    assert (financing.state, [one.code for one in financing.reasons]) == (
        S.REJECTED,
        ["RED_WARNING", "REVIEWED_AND_REFUSED"],
    )
    assert "referral-decided:financing-1" in await world.trade.records()


async def test_what_is_withdrawn_or_too_late_waits_for_nobody(world: LendingWorld) -> None:
    await referred(world)
    await world.withdrawn()
    await refused("STATE_CONFLICT", decided(world))
    await world.offered(financing_id="financing-2")
    move_to(world.clock, DUE)
    await world.service.financings.expire()
    assert (await world.financing("financing-2")).state is S.EXPIRED
    page = await world.service.referrals.page_of(only_open=True, size=10, token="")
    assert page.items == ()
    await world.check_limits()


async def test_broken_at_each_statement_a_decision_is_made_as_a_whole(world: LendingWorld) -> None:
    await referred(world)
    before = await world.snapshot()

    async def work() -> None:
        await decided(world)

    async for _ in break_at_each_statement(world.database, work):
        assert await world.snapshot() == before
    assert (await world.financing()).state is S.OFFERED
    await world.check_limits()


async def test_an_order_loan_goes_through_the_same_queue(world: LendingWorld) -> None:
    await red(world)
    await ordered(world)
    loan = await applied(world)
    assert loan.state is ApplicationState.REFERRED
    await refused("STATE_CONFLICT", applied(world, loan_id="order-loan-2"))
    assert (await decided(world, name=LOAN)).product_id == ORDER_LOAN
    assert (await seen(world)).state is ApplicationState.OFFERED
    await world.check_limits()


async def test_two_persons_from_the_products_amount_on(world: LendingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    financing = await referred(world)
    product = load_products()[RECEIVABLE_LOAN]
    lower = {RECEIVABLE_LOAN: product.__class__(**{**product.__dict__, "four_eyes_from_fen": 1})}
    monkeypatch.setattr(world.service.referrals, "_products", lower)
    servicer = ReferralServicer(world.service, Idempotency(world.database, world.clock))

    async def word(operator: str, number: int, approve: bool) -> pb.Referral:
        set_current_caller(Caller(operator, Role.OPERATOR))
        request = pb.DecideReferralRequest(
            request_id=f"request-{number}", application_id="financing-1", approve=approve, reason="意见"
        )
        return (await servicer.DecideReferral(request, None)).referral

    first = await word("operator-1", 1, approve=True)
    assert (first.state, first.proposal, first.needs_two) == (pb.REFERRAL_STATE_OPEN, "APPROVE", True)
    assert first.amount.amount_fen == financing.quote.principal_fen and "红色预警" in first.reasons[0].text_zh
    await refused("PERMISSION_DENIED", word("operator-1", 2, approve=True))
    assert (await world.financing()).state is S.REFERRED
    second = await word("operator-2", 3, approve=False)
    assert (second.state, second.decided_by) == (pb.REFERRAL_STATE_REJECTED, "operator-2")
    assert not (await servicer.ListReferrals(pb.ListReferralsRequest(only_open=True), None)).referrals
    assert len((await servicer.ListReferrals(pb.ListReferralsRequest(), None)).referrals) == 1
    unknown = pb.DecideReferralRequest(request_id="request-9", application_id="financing-9", approve=True, reason="x")
    await refused("NOT_FOUND", servicer.DecideReferral(unknown, None))
