"""What a red warning stops and never stops, how two persons release it, and that every word of the table is kept."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta

import pytest
from huilian.lending.v1 import auction_service_pb2 as auction_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.auctions.rules import AuctionState, BidState
from hub.lending.decisions.tables import load_tables
from hub.lending.loans.rpc import LoanServicer
from hub.lending.rpc import AuctionServicer
from hub.lending.store import DecisionRow
from hub.lending.warnings import stored
from hub.lending.warnings.rules import Level, Subject, SubjectKind, WarningState, load_rules, warning_id
from hub.lending.warnings.stops import TABLE, Act
from hub.lending.warnings.stored import Warned
from hub.platform.business_day import business_date
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending import test_auctions as auctions
from tests.unit.hub.lending import test_dealer_loans as dealers
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, refused
from tests.unit.hub.receivables.trade import DEALER

RULE = next(rule for rule in load_rules().in_force if rule.rule == "LATE_CORE_ENTERPRISE")
pytestmark = ON_SQLITE


async def warn(world: LendingWorld, level: Level = Level.RED, uscc: str = BUYER) -> Warned:
    """What a round of today would have written."""
    subject, today = Subject(SubjectKind.BUYER, uscc), business_date(world.clock.now())
    one = Warned(
        warning_id=warning_id(RULE.rule, subject, today),
        rule=RULE.rule,
        rule_version=RULE.version,
        rule_sha256=RULE.sha256,
        subject=subject,
        business_day=today,
        level=level,
        facts={"days_past_due": 40, "overdue_receivables": 1},
        state=WarningState.RAISED,
        acknowledged_by="",
        acknowledged_reason="",
        resolved_by="",
        resolved_reason="",
        changed_at=world.clock.now(),
    )
    await world.run(lambda: stored.add([one]))
    return one


async def continued(world: LendingWorld, one: Warned) -> None:
    """The next day's round takes its place."""
    await world.run(lambda: stored.end([one.warning_id], WarningState.CONTINUED, world.clock.now()))


async def release(world: LendingWorld, one: Warned) -> None:
    desk = world.service.warnings
    await world.run(lambda: desk.acknowledge("operator-1", one.warning_id, "已核实"))
    await refused("PERMISSION_DENIED", world.run(lambda: desk.resolve("operator-1", one.warning_id, "同意")))
    await world.run(lambda: desk.resolve("operator-2", one.warning_id, "复核同意"))


async def decisions(world: LendingWorld) -> list[tuple[str, list[str], int]]:
    """What the table said, in order: outcome, reasons; each says the same again on its recorded facts."""
    said = []
    for row in await DecisionRow.filter(rule_table=TABLE).order_by("decided_at", "decision_id"):
        again = await world.service.decisions.again(row.decision_id)
        assert again.is_same and not again.differences
        codes = [reason.code for reason in again.recorded.reasons]
        said.append((again.recorded.outcome, codes, int(again.facts["oldest_release_days"])))
    return said


async def dealer_loan(world: LendingWorld) -> None:
    await dealers.known(world, dealers.sales())
    await dealers.applied(world)
    await dealers.signed(world)


async def stopped(attempt: Awaitable[object]) -> None:
    with pytest.raises(HuilianError) as refusal:
        await attempt
    assert (refusal.value.code, refusal.value.params["state"]) == ("STATE_CONFLICT", "RED_WARNING")


@pytest.mark.parametrize("uscc", [BUYER, DEALER])
async def test_no_draw_but_every_repayment_under_a_red_warning(world: LendingWorld, uscc: str) -> None:
    await dealer_loan(world)
    amber = await warn(world, Level.AMBER, uscc)
    await world.draw(DEALER, 100, dealers.LOAN)
    assert await decisions(world) == []
    world.clock.advance(timedelta(days=1))
    await continued(world, amber)
    one = await warn(world, uscc=uscc)
    servicer = LoanServicer(world.service, Idempotency(world.database, world.clock))
    set_current_caller(Caller(DEALER, Role.ENTERPRISE))
    before = await world.service.loans.find(dealers.LOAN)
    draw = loan_pb.DrawLoanRequest(request_id="request-1", loan_id=dealers.LOAN, amount_fen=100)
    await stopped(servicer.DrawLoan(draw, None))
    assert (await world.service.loans.find(dealers.LOAN)).events == before.events
    assert await decisions(world) == [("REJECTED", ["RED_WARNING"], 0)]
    # No signer's word is used up by what is stopped.
    assert world.trade.mandates.asked[-1] == (DEALER, Power.FINANCE, dealers.LOAN, 100)
    repay = loan_pb.RepayLoanRequest(request_id="request-2", loan_id=dealers.LOAN, amount_fen=50)
    await servicer.RepayLoan(repay, None)
    await release(world, one)
    # The same request, repeated, is asked anew: nothing was kept of its refusal.
    await servicer.DrawLoan(draw, None)


async def test_a_release_holds_seven_days_though_the_rule_finds_the_same(world: LendingWorld) -> None:
    await dealer_loan(world)
    await release(world, await warn(world))
    for days in range(1, 8):
        world.clock.advance(timedelta(days=1))
        one = await warn(world)
        await world.draw(DEALER, 1, dealers.LOAN)
        assert (await decisions(world))[-1] == ("APPROVED", ["RELEASED"], days)
        await continued(world, one)
    world.clock.advance(timedelta(days=1))
    one = await warn(world)
    await stopped(world.draw(DEALER, 1, dealers.LOAN))
    await release(world, one)
    world.clock.advance(timedelta(days=1))
    again = await warn(world)
    await world.draw(DEALER, 1, dealers.LOAN)
    # What lapsed and came back is news: the old release does not cover it.
    await world.run(lambda: stored.end([again.warning_id], WarningState.LAPSED, world.clock.now()))
    world.clock.advance(timedelta(days=1))
    await warn(world)
    await stopped(world.draw(DEALER, 1, dealers.LOAN))


async def test_no_auction_opens_under_a_red_warning(world: LendingWorld) -> None:
    await world.held()
    await warn(world)
    set_current_caller(Caller(SUPPLIER, Role.ENTERPRISE))
    servicer = AuctionServicer(world.service, Idempotency(world.database, world.clock))
    request = auction_pb.OpenAuctionRequest(
        request_id="request-1",
        auction_id=auctions.AUCTION,
        certificate_id=auctions.CERTIFICATE,
        highest_rate="0.06",
    )
    request.bidding_duration.FromSeconds(3600)
    request.revealing_duration.FromSeconds(3600)
    await stopped(servicer.OpenAuction(request, None))
    assert await decisions(world) == [("REJECTED", ["RED_WARNING"], 0)]
    assert (await world.trade.service.certificates.get(SUPPLIER, auctions.CERTIFICATE)).state == "HELD"


async def test_no_auction_is_awarded_under_a_red_warning_and_all_have_theirs_back(world: LendingWorld) -> None:
    await auctions.opened(world)
    for funder, rate in ((auctions.FIRST, "0.05"), (auctions.SECOND, "0.04")):
        await auctions.bid(world, funder, rate)
    world.clock.advance(auctions.HOUR)
    await auctions.reveal(world, auctions.FIRST, "0.05")
    await warn(world)
    world.clock.advance(auctions.HOUR)
    await world.service.auctions.award()
    auction, _ = await world.service.auctions.get(SUPPLIER, auctions.AUCTION)
    assert auction.state is AuctionState.FAILED
    _, (bid,) = await world.service.auctions.get(auctions.FIRST, auctions.AUCTION)
    assert bid.state is BidState.LOST
    assert await world.balance(auctions.FIRST) == await world.balance(auctions.SECOND) == auctions.MONEY_FEN
    assert await decisions(world) == [("REJECTED", ["RED_WARNING"], 0)]
    await world.check_books()


@given(st.sampled_from(list(Act)), st.integers(0, 9), st.integers(0, 9), st.integers(0, 400))
def test_the_table_passes_only_what_is_wholly_released(act: Act, red: int, released: int, days: int) -> None:
    facts = {
        "act": act.value,
        "object_id": "loan-1",
        "red_warnings": red,
        "red_warning_rules": "",
        "released_warnings": released,
        "oldest_release_days": days,
    }
    decision = load_tables().newest(TABLE).decide(facts)
    assert decision.approved == (red == 0 and days <= 7)
    assert all(any("\u4e00" <= char <= "\u9fff" for char in reason.text_zh) for reason in decision.reasons)
