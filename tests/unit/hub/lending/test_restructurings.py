"""Other terms for a loan are in force once its borrower signed them, and those terms only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from huilian.lending.v1 import restructuring_service_pb2 as pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring, read_restructuring
from huilian_protocol.signers import Power
from huilian_protocol.webauthn import Assertion
from huilian_sdk.authenticator import SoftwareAuthenticator

from hub.lending.loans.model import Loan
from hub.lending.loans.rpc import WorkoutServicer
from hub.lending.restructurings.desk import GOOD_FOR, Agreed
from hub.lending.restructurings.plans import Plans, plans_of
from hub.lending.restructurings.rpc import RestructuringServicer
from hub.lending.restructurings.stored import OfferState
from hub.lending.rules import LoanState
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.consents import ORIGIN, RP_ID
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE

LOAN = "financing-1"
UNTIL = date(2026, 8, 20)
PLAN: dict[str, Any] = {"kind": "equal_instalment", "first_due_date": "2026-05-20", "every_months": 1}


async def offered(
    world: LendingWorld, rate: str = "0.06", until: date = UNTIL, plan: dict[str, Any] | None = None, loan: str = LOAN
) -> Agreed:
    return await world.run(lambda: world.service.restructurings.offer(loan, rate, until, plan or PLAN))


async def signed(
    world: LendingWorld, number: int = 1, borrower: str = SUPPLIER, loan: str = LOAN, by: Assertion | None = None
) -> Agreed:
    return await world.run(lambda: world.service.restructurings.sign(borrower, loan, number, by))


async def restructured(world: LendingWorld, rate: str, until: date, plan: dict[str, Any]) -> Loan:
    """Offered and signed at once."""
    number = (await offered(world, rate, until, plan)).offer.terms.number
    return (await signed(world, number)).loan


async def overdue(world: LendingWorld) -> Loan:
    """The buyer did not pay on the due date, 2026-04-05; it is the 20th."""
    await world.disbursed()
    move_to(world.clock, at_noon(2026, 4, 20))
    await world.service.tick()
    return await world.service.loans.get(SUPPLIER, LOAN)


async def states(world: LendingWorld) -> list[OfferState]:
    return [one.offer.state for one in await world.service.restructurings.of_loan(None, LOAN)]


async def test_nothing_changes_before_the_borrower_signs(world: LendingWorld) -> None:
    before = await overdue(world)
    made = await offered(world)
    assert made.loan.state is LoanState.OVERDUE and made.loan.events == before.events
    loan = await world.service.loans.get(SUPPLIER, LOAN)
    assert (loan.events, loan.record.maturity) == (before.events, before.record.maturity)
    after = (await signed(world)).loan
    assert (after.state, after.record.maturity) == (LoanState.ACTIVE, UNTIL)
    assert await states(world) == [OfferState.SIGNED]
    error = await refused("STATE_CONFLICT", signed(world))
    assert error.params["state"] == "SIGNED"


async def test_a_signer_agrees_to_these_terms_and_no_others(world: LendingWorld) -> None:
    loan = await overdue(world)
    mandates = world.trade.mandates
    first = (await offered(world, "0.06")).offer.terms
    second = (await offered(world, "0.09")).offer.terms
    assert first.act_id != second.act_id and await states(world) == [OfferState.OFFERED, OfferState.REPLACED]
    error = await refused("STATE_CONFLICT", signed(world, 1))
    assert error.params["state"] == "REPLACED"
    mandates.withheld.add((Power.FINANCE, second.act_id))
    before = await world.snapshot()
    await refused("PERMISSION_DENIED", signed(world, 2))
    assert await world.snapshot() == before
    mandates.withheld.clear()
    # One that was struck off may still agree on how to pay what it owes.
    mandates.unverified.add(SUPPLIER)
    await signed(world, 2)
    assert mandates.asked[-1] == (SUPPLIER, Power.FINANCE, second.act_id, int(loan.owed.principal_fen))
    event = (await world.service.loans.get(SUPPLIER, LOAN)).events[-1]
    assert (event.content["annual_rate"], event.content["signed_terms"]) == ("0.09", second.act_id)


async def test_only_the_borrower_signs_and_sees(world: LendingWorld) -> None:
    await overdue(world)
    await offered(world)
    desk = world.service.restructurings
    await refused("NOT_FOUND", signed(world, borrower=BUYER))
    await refused("NOT_FOUND", desk.of_loan(BUYER, LOAN))
    await refused("NOT_FOUND", signed(world, 2))
    await refused("NOT_FOUND", desk.of_loan(None, "no-such-loan"))
    assert len(await desk.of_loan(SUPPLIER, LOAN)) == 1


async def test_an_offer_is_good_for_some_days_and_for_what_was_owed(world: LendingWorld) -> None:
    await overdue(world)
    await world.fund(SUPPLIER, 10_000)
    await offered(world)
    await world.repay(SUPPLIER, 10_000, LOAN)
    error = await refused("STATE_CONFLICT", signed(world))
    assert error.params["state"] == "CHANGED"
    await offered(world)
    world.clock.advance(GOOD_FOR)
    assert await states(world) == [OfferState.EXPIRED, OfferState.REPLACED]
    await refused("OFFER_EXPIRED", signed(world, 2))
    await offered(world)
    world.clock.advance(GOOD_FOR - timedelta(seconds=1))
    assert (await signed(world, 3)).loan.record.maturity == UNTIL
    await world.check_books()


@pytest.mark.parametrize(
    ("maturity", "plan"),
    [
        (date(2026, 4, 20), {"kind": "bullet"}),
        (date(2026, 8, 20), {"kind": "balloon"}),
        (date(2026, 8, 20), {**PLAN, "grace_days": 40}),
    ],
)
async def test_a_plan_that_is_none_is_not_offered(world: LendingWorld, maturity: date, plan: dict[str, Any]) -> None:
    await overdue(world)
    with pytest.raises(HuilianError) as caught:
        await offered(world, until=maturity, plan=plan)
    assert caught.value.code in {"INVALID_ARGUMENT", "STATE_CONFLICT"}
    assert await states(world) == []


async def test_a_person_signs_with_the_device_key(world: LendingWorld) -> None:
    citizen, loan = world.borrower(), "application-1"
    await world.borrowed(citizen)
    challenge = (await offered(world, until=date(2026, 12, 20), loan=loan)).offer.terms.challenge
    stranger = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
    for by in (None, stranger.sign(challenge), citizen.device.sign(bytes(32))):
        await refused("ASSERTION_INVALID", signed(world, 1, citizen.subject, loan, by))
    agreed = await signed(world, 1, citizen.subject, loan, citizen.device.sign(challenge))
    assert agreed.loan.record.maturity == date(2026, 12, 20)
    assert not world.trade.mandates.asked, "a person has no signers"


async def plans(world: LendingWorld, number: int = 1) -> Plans:
    """Both plans as the borrower sees them now."""
    shown = await world.service.restructurings.of_loan(SUPPLIER, LOAN)
    return next(plans_of(one.loan, one.offer) for one in shown if one.offer.terms.number == number)


async def test_an_offer_is_shown_beside_what_it_would_change(world: LendingWorld) -> None:
    loan = await overdue(world)
    await offered(world)
    both = await plans(world)
    [left] = both.former
    assert (left.due_date, left.total_fen) == (date(2026, 4, 5), loan.owed.total_fen), "all of it, since it matured"
    assert [line.due_date for line in both.offered] == [date(2026, month, 20) for month in (5, 6, 7, 8)]
    assert sum(line.principal_fen for line in both.offered) == loan.owed.principal_fen
    assert sum(line.interest_fen for line in both.offered) > left.interest_fen, "more time costs more"
    await signed(world)
    assert await plans(world) == both
    await world.fund(SUPPLIER, both.offered[0].total_fen)
    move_to(world.clock, at_noon(2026, 5, 20))
    closed = await world.repay(SUPPLIER, both.offered[0].total_fen, LOAN)
    assert closed.state is LoanState.ACTIVE and await plans(world) == both, "what was agreed stays what it was"
    # A second agreement: the first is now what is left behind.
    await offered(world, "0.03", date(2027, 1, 20), {"kind": "bullet"})
    again = await plans(world, 2)
    assert [line.due_date for line in again.former] == [date(2026, month, 20) for month in (6, 7, 8)]
    assert [line.total_fen for line in again.former] == [line.total_fen for line in both.offered[1:]]
    assert [line.due_date for line in again.offered] == [date(2027, 1, 20)]


@pytest.mark.parametrize("kind", ["equal_instalment", "equal_principal", "interest_only"])
async def test_what_the_plan_says_is_what_closes_the_loan(world: LendingWorld, kind: str) -> None:
    await overdue(world)
    await offered(world, plan={**PLAN, "kind": kind})
    shown = (await plans(world)).offered
    await signed(world)
    for line in shown:
        move_to(world.clock, at_noon(line.due_date.year, line.due_date.month, line.due_date.day))
        await world.fund(SUPPLIER, line.total_fen)
        loan = await world.repay(SUPPLIER, line.total_fen, LOAN)
    assert (loan.state, loan.owed.total_fen) == (LoanState.CLOSED, 0)
    await world.check_books()


async def test_an_offer_that_nobody_can_sign_shows_no_plan(world: LendingWorld) -> None:
    await overdue(world)
    await world.fund(SUPPLIER, 10_000)
    await offered(world)
    await world.repay(SUPPLIER, 10_000, LOAN)
    changed = await plans(world)
    assert changed.former and not changed.offered, "another principal is left"
    await offered(world)
    assert await plans(world, 1) == Plans(), "replaced"
    world.clock.advance(GOOD_FOR)
    assert await plans(world, 2) == Plans(), "expired"


async def test_what_is_signed_is_what_is_read(world: LendingWorld) -> None:
    await overdue(world)
    once = Idempotency(world.database, world.clock)
    desk, party = WorkoutServicer(world.service, once), RestructuringServicer(world.service, once)
    plan = workout_pb.RepaymentPlan(kind="equal_instalment", first_due_date="2026-05-20", every_months=1)
    wish = workout_pb.RestructureLoanRequest(
        request_id="request-1", loan_id=LOAN, annual_rate="0.05", due_date="2026-08-20", repayment_plan=plan
    )
    set_current_caller(Caller("operator", Role.OPERATOR))
    made = (await desk.RestructureLoan(wish, None)).restructuring
    assert (await desk.RestructureLoan(wish, None)).restructuring == made, "the same request makes one offer"
    terms = read_restructuring(made.terms)
    assert (terms.annual_rate, terms.due_date, terms.repayment) == ("0.05", UNTIL, PLAN)
    assert (terms.principal_fen, terms.challenge) == (made.principal.amount_fen, made.challenge)
    altered = replace(terms, annual_rate="0.01")
    assert altered.challenge != terms.challenge
    set_current_caller(Caller(SUPPLIER, Role.ENTERPRISE))
    listed = await party.ListRestructurings(pb.ListRestructuringsRequest(loan_id=LOAN), None)
    assert [*listed.restructurings] == [made]
    sign = pb.SignRestructuringRequest(request_id="request-2", loan_id=LOAN, number=1)
    answer = await party.SignRestructuring(sign, None)
    assert (answer.loan.due_date, answer.loan.events[-1].kind) == ("2026-08-20", "RESTRUCTURE")
    assert answer.restructuring.state == workout_pb.RESTRUCTURING_STATE_SIGNED
    assert await party.SignRestructuring(sign, None) == answer


def test_a_text_with_one_byte_changed_is_refused_or_is_another_text() -> None:
    valid_until = datetime(2026, 4, 30, 4, 0, tzinfo=UTC)
    terms = Restructuring(LOAN, 1, 45_000_00, "0.06", UNTIL, PLAN, valid_until)
    text = terms.canonical()
    assert read_restructuring(text) == terms
    refusals = 0
    for place in range(len(text)):
        for bit in (1, 16):
            changed = text[:place] + bytes([text[place] ^ bit]) + text[place + 1 :]
            try:
                read = read_restructuring(changed)
            except HuilianError as error:
                assert error.code == "ARTEFACT_INVALID"
                refusals += 1
            else:
                assert read.canonical() == changed and read.challenge != terms.challenge
    assert refusals > len(text)


@pytest.mark.parametrize("text", [b"{}", b"null", b"[]", b'{"type":"huilian-restructuring/v1"}', b"\xff"])
def test_a_text_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(HuilianError, match="ARTEFACT_INVALID"):
        read_restructuring(text)
