"""The workout desk on the wire: each step once per request id, undone in the order in which an operator would do it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import workout_service_pb2 as pb

from hub.lending.loans.rpc import WorkoutServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending.test_restructurings import LOAN, overdue
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE


class Desk:
    """The servicer as an operator meets it; messages pass through their wire form both ways."""

    def __init__(self, world: LendingWorld) -> None:
        self._servicer = WorkoutServicer(world.service, Idempotency(world.database, world.clock))
        self._numbers = itertools.count(1)

    async def call(self, request: Any) -> loan_pb.Loan:
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = f"request-{next(self._numbers)}"
        set_current_caller(Caller("operator", Role.OPERATOR))
        method = getattr(self._servicer, type(request).__name__.removesuffix("Request"))
        answer = await method(type(request).FromString(request.SerializeToString()), None)
        return type(answer).FromString(answer.SerializeToString()).loan


@pytest.fixture
def desk(world: LendingWorld) -> Desk:
    return Desk(world)


async def test_recourse_then_charge_off_then_recovery(world: LendingWorld, desk: Desk) -> None:
    owed = int((await overdue(world)).owed.total_fen)
    half = await desk.call(pb.InvokeRecourseRequest(loan_id=LOAN, most_fen=owed // 2))
    assert half.state == loan_pb.LOAN_STATE_RECOURSE
    given_up = await desk.call(pb.ChargeOffLoanRequest(loan_id=LOAN))
    assert given_up.state == loan_pb.LOAN_STATE_CHARGED_OFF
    recovered = await desk.call(pb.RecoverLoanRequest(loan_id=LOAN, payer_id=SUPPLIER, amount_fen=100))
    assert [event.kind for event in recovered.events][-3:] == ["RECOURSE", "CHARGE_OFF", "RECOVERY"]
    assert await desk.call(pb.GetLoanCaseRequest(loan_id=LOAN)) == recovered
    await world.check_books()


async def test_a_buyer_buys_back_once(world: LendingWorld, desk: Desk) -> None:
    await overdue(world)
    await world.fund(BUYER, 10_000_000)
    request = pb.BuyBackLoanRequest(request_id="buy-back-1", loan_id=LOAN, payer_id=BUYER)
    first = await desk.call(request)
    assert first.state == loan_pb.LOAN_STATE_BOUGHT_BACK
    before = await world.snapshot()
    assert await desk.call(request) == first
    assert await world.snapshot() == before


async def test_another_plan_for_what_is_left(world: LendingWorld, desk: Desk) -> None:
    await overdue(world)
    plan = pb.RepaymentPlan(kind="equal_instalment", first_due_date="2026-05-20", every_months=1)
    wish = pb.RestructureLoanRequest(loan_id=LOAN, annual_rate="0.05", due_date="2026-10-20", repayment_plan=plan)
    offered = await desk.call(wish)
    assert (offered.due_date, offered.state) == ("2026-04-05", loan_pb.LOAN_STATE_OVERDUE), "the borrower has to sign"
    wish = pb.RestructureLoanRequest(loan_id=LOAN, annual_rate="0.05", due_date="2026-02-30", repayment_plan=plan)
    await refused("INVALID_ARGUMENT", desk.call(wish))
    wish.due_date, wish.repayment_plan.kind = "2026-10-20", "bullet"
    await refused("INVALID_ARGUMENT", desk.call(wish))


async def test_a_late_booking_and_one_that_bounced(world: LendingWorld, desk: Desk) -> None:
    await world.disbursed()
    await world.fund(SUPPLIER, 10_000_000)
    move_to(world.clock, at_noon(2026, 3, 25))
    untouched = await desk.call(pb.GetLoanCaseRequest(loan_id=LOAN))
    booked = await desk.call(
        pb.BookRepaymentRequest(loan_id=LOAN, payer_id=SUPPLIER, amount_fen=10_000, value_date="2026-03-15")
    )
    assert booked.outstanding_principal.amount_fen < untouched.outstanding_principal.amount_fen
    undone = await desk.call(pb.ReverseRepaymentRequest(event_id=booked.events[-1].event_id))
    assert undone.outstanding_principal == untouched.outstanding_principal
    assert undone.accrued_interest == untouched.accrued_interest
    await refused("NOT_FOUND", desk.call(pb.ReverseRepaymentRequest(event_id=booked.events[-1].event_id)))
    await world.check_books()


async def test_an_unknown_loan(desk: Desk) -> None:
    await refused("NOT_FOUND", desk.call(pb.GetLoanCaseRequest(loan_id="no-such-loan")))
    await refused("NOT_FOUND", desk.call(pb.ChargeOffLoanRequest(loan_id="no-such-loan")))
