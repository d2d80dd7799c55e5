"""Operators end payments of which nobody can tell the end, and pay over what is owed; money is conserved throughout."""

from __future__ import annotations

from datetime import timedelta

from huilian.convenience.v1 import convenience_service_pb2
from huilian.convenience.v1 import payment_desk_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_server import Fault
from hub.accounting.matching import statement_reference
from hub.convenience.payment_desk import PaymentDesk
from hub.convenience.rpc_desk import PaymentDeskServicer
from hub.convenience.rules import REFUND, SETTLE, Resolution
from hub.convenience.states import PaymentState
from hub.exchange.actions import Action
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.breaking import break_at_each_statement
from tests.support.orders import prepared, refused
from tests.support.zone import OPENING_FEN, Zone

ONE, TWO, AGENCY = "operator.one", "operator.two", "traffic_police"
MOST = 2_000_000


def desk_of(zone: Zone, cash: str | None = "cash:test") -> PaymentDesk:
    return PaymentDesk(zone.database, zone.clock, zone.book, zone.payments, zone.exchange.actions, cash)


async def lost(zone: Zone) -> tuple[Action, str]:
    """An order whose agency is silent; and its key at the desk."""
    wanted = await prepared(zone, max_amount_fen=MOST)
    zone.edge.upstream.faults.active = Fault.DOWN
    assert await refused(zone, wanted) == "PROVIDER_UNAVAILABLE"
    return wanted, f"{zone.citizen.subject}/{wanted.request_id}"


async def propose(zone: Zone, key: str, resolution: Resolution, operator: str = ONE) -> None:
    async with zone.database.transaction():
        await desk_of(zone).propose(operator, key, resolution)


async def decide(zone: Zone, key: str, operator: str = TWO, *, approve: bool = True) -> PaymentState:
    async with zone.database.transaction():
        return await desk_of(zone).decide(operator, key, approve=approve)


async def says(code: str, attempt: object) -> None:
    try:
        await attempt  # type: ignore[misc]
    except HuilianError as error:
        assert error.code == code
        return
    raise AssertionError(f"{code} expected")


async def test_a_lost_payment_is_settled_by_two_people_and_never_asked_for_again(zone: Zone) -> None:
    wanted, key = await lost(zone)
    (open_payment,) = (await desk_of(zone).page(10, "")).payments
    assert (open_payment.payment_key, open_payment.reserved_fen) == (key, MOST)
    paid = Resolution(SETTLE, 20_000, "JJ-BY-LETTER", "交警来函确认")
    await says("STATE_CONFLICT", decide(zone, key))
    await says("INVALID_ARGUMENT", propose(zone, key, Resolution(SETTLE, MOST + 1, "", "x")))
    await says("INVALID_ARGUMENT", propose(zone, key, Resolution(REFUND, 1, "", "x")))
    await propose(zone, key, paid)
    await says("PERMISSION_DENIED", decide(zone, key, ONE))
    assert await decide(zone, key, approve=False) is PaymentState.RESERVED
    await propose(zone, key, paid, TWO)
    async for _ in break_at_each_statement(zone.database, lambda: decide(zone, key, ONE)):
        assert await zone.balance_fen() == OPENING_FEN - MOST
        await zone.check_books()
    payment = await zone.payment(wanted)
    assert (payment.state, payment.paid_fen, payment.receipt_number) == (PaymentState.PAID, 20_000, "JJ-BY-LETTER")
    assert await zone.balance_fen() == OPENING_FEN - 20_000
    assert (await desk_of(zone).page(10, "")).payments == ()
    await says("STATE_CONFLICT", propose(zone, key, paid))
    zone.edge.upstream.faults.active = None
    zone.clock.advance(timedelta(minutes=10))
    assert await zone.exchange.actions.resume() == 0
    assert zone.paid_fen_at_the_agency() == {}
    # The order itself is answered as it ended, and the access record says so.
    assert (await zone.pay(wanted)).outcome == "EXECUTED"
    assert (await zone.outcomes())[-1] == "EXECUTED"
    await zone.check_books()


async def test_a_refund_gives_all_of_it_back_and_the_use(zone: Zone) -> None:
    wanted, key = await lost(zone)
    await propose(zone, key, Resolution(REFUND, 0, "", "交警确认未收到"))
    assert await decide(zone, key) is PaymentState.RELEASED
    payment = await zone.payment(wanted)
    assert (payment.state, payment.reason) == (PaymentState.RELEASED, "BY_HAND")
    assert await zone.balance_fen() == OPENING_FEN
    assert (await zone.pay(wanted)).outcome == "REJECTED"
    assert (await zone.consents.find(wanted.consent_id)).state == "GRANTED"
    await zone.check_books()


async def test_what_is_owed_goes_to_the_treasury_once(zone: Zone) -> None:
    wanted = await prepared(zone)
    await zone.pay(wanted)
    owed_fen = zone.fine()[1]
    served = PaymentDeskServicer(desk_of(zone), zone.database, Idempotency(zone.database, zone.clock))
    set_current_caller(Caller(ONE, Role.OPERATOR))
    books = await served.GetPaymentBooks(pb.GetPaymentBooksRequest(), None)
    assert [(one.agency_id, one.owed_fen, one.difference_fen) for one in books.owed] == [(AGENCY, owed_fen, 0)]
    request = pb.PayOverToAgencyRequest(request_id="payover-1", payover_id="payover-0001", agency_id=AGENCY)
    over = await served.PayOverToAgency(request, None)
    assert await served.PayOverToAgency(request, None) == over
    assert (over.amount_fen, over.end_to_end_id) == (owed_fen, statement_reference(over.journal_id))
    again = pb.PayOverToAgencyRequest(request_id="payover-2", payover_id="payover-0002", agency_id=AGENCY)
    await says("STATE_CONFLICT", served.PayOverToAgency(again, None))
    books = await served.GetPaymentBooks(pb.GetPaymentBooksRequest(), None)
    assert [(one.owed_fen, one.difference_fen) for one in books.owed] == [(0, 0)]
    assert await zone.book.balance_fen("cash:test") == OPENING_FEN - owed_fen
    async with zone.database.transaction():
        await says("STATE_CONFLICT", desk_of(zone, None).pay_over("payover-0003", AGENCY))
    await zone.check_at_rest()


async def test_the_desk_on_the_wire(zone: Zone) -> None:
    _, key = await lost(zone)
    served = PaymentDeskServicer(desk_of(zone), zone.database, Idempotency(zone.database, zone.clock))
    set_current_caller(Caller(ONE, Role.OPERATOR))
    wanted = pb.PaymentResolution(end=pb.PAYMENT_END_SETTLE, paid_fen=5, receipt_number="JJ-1", reason="来函")
    proposed = pb.ProposePaymentResolutionRequest(request_id="propose-1", payment_key=key, resolution=wanted)
    assert (await served.ProposePaymentResolution(proposed, None)).payment.proposal == wanted
    (listed,) = (await served.ListUnresolvedPayments(pb.ListUnresolvedPaymentsRequest(), None)).payments
    assert (listed.payment_key, listed.proposed_by, listed.proposal) == (key, ONE, wanted)
    set_current_caller(Caller(TWO, Role.OPERATOR))
    decided = pb.DecidePaymentResolutionRequest(request_id="decide-1", payment_key=key, approve=True)
    answer = await served.DecidePaymentResolution(decided, None)
    assert answer.state == convenience_service_pb2.PAYMENT_STATE_PAID
