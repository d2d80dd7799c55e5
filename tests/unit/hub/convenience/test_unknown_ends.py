"""Payments of which nobody knows what became: paid once, whatever is lost or broken on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.errors import HuilianError

from connectors.kit.consent_status import Notice
from connectors.kit.sandbox_server import Fault
from hub.convenience.erasure import ConvenienceErasure
from hub.convenience.states import PaymentState
from hub.convenience.store import PaymentRow
from hub.exchange.erasure import ExchangeErasure
from hub.exchange.resilience import NotSent
from hub.exchange.store import ActionRow, QuotaRow
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.orders import LATER, LOST, Between, prepared, refused, rest
from tests.support.zone import OPENING_FEN, Zone

pytestmark = ON_SQLITE


@ON_BOTH
async def test_an_answer_that_was_lost_is_asked_for_again_by_the_person(zone: Zone) -> None:
    wanted = await prepared(zone)
    with Between(zone, after=LOST):
        assert await refused(zone, wanted) == "PROVIDER_TIMEOUT"
    assert (await zone.payment(wanted)).state is PaymentState.RESERVED
    assert await zone.balance_fen() == OPENING_FEN - zone.fine()[1]
    assert (await zone.pay(wanted)).outcome == "EXECUTED"
    assert zone.edge.upstream.faults.acts == 1 and await zone.outcomes() == ["EXECUTED"]
    await zone.check_at_rest()


@ON_BOTH
async def test_an_answer_that_was_lost_is_asked_for_again_by_the_hub(zone: Zone) -> None:
    wanted = await prepared(zone)
    with Between(zone, after=LOST):
        assert await refused(zone, wanted) == "PROVIDER_TIMEOUT"
    assert await zone.exchange.actions.resume() == 0, "not before its pause is over"
    zone.clock.advance(LATER)
    assert await zone.exchange.actions.resume() == 1
    assert (await zone.payment(wanted)).state is PaymentState.PAID
    await zone.check_at_rest()


async def test_what_the_edge_never_heard_of_is_given_up_for_good(zone: Zone) -> None:
    wanted = await prepared(zone)
    with Between(zone, before=LOST) as lost:
        assert await refused(zone, wanted) == "PROVIDER_TIMEOUT"
    zone.clock.advance(LATER)
    assert await zone.exchange.actions.resume() == 1
    assert (await zone.payment(wanted)).state is PaymentState.RELEASED
    # The first try arrives after all, hours late: it must not pay for what was given back.
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        await zone.connector.act(lost.requests[0])
    assert await refused(zone, wanted) == "STATE_CONFLICT"
    assert zone.paid_fen_at_the_agency() == {}
    await zone.check_at_rest()
    assert (await zone.pay(await prepared(zone))).outcome == "EXECUTED"


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_what_was_paid_is_told_whatever_became_of_the_consent(zone: Zone, end: str) -> None:
    wanted = await prepared(zone, valid_until=zone.clock.now() + timedelta(minutes=5))
    with Between(zone, after=LOST):
        await refused(zone, wanted)
    if end == "revoked":
        async with zone.database.transaction():
            await zone.consents.revoke(zone.citizen.subject, wanted.consent_id)
        await zone.edge.service.learn(Notice(1, wanted.consent_id, zone.clock.now()))
    else:
        zone.clock.advance(timedelta(minutes=6))
    assert (await zone.pay(wanted)).outcome == "EXECUTED"
    assert (await zone.payment(wanted)).state is PaymentState.PAID
    await zone.check_at_rest()


@ON_BOTH
async def test_a_refusal_of_a_second_try_proves_nothing(zone: Zone) -> None:
    """The edge learns of the revocation before the hub does: its refusal must not give the money back twice."""
    wanted = await prepared(zone)
    with Between(zone, after=LOST):
        await refused(zone, wanted)
    await zone.edge.service.learn(Notice(1, wanted.consent_id, zone.clock.now()))
    assert (await zone.pay(wanted)).outcome == "EXECUTED"
    await zone.check_at_rest()


async def test_what_the_agency_leaves_open_stays_reserved_until_it_says(zone: Zone) -> None:
    wanted, faults = await prepared(zone), zone.edge.upstream.faults
    faults.active = Fault.CUT
    assert await refused(zone, wanted) == "PROVIDER_FAULT"
    zone.clock.advance(LATER)
    assert await zone.exchange.actions.resume() == 0
    assert (await zone.payment(wanted)).state is PaymentState.RESERVED
    faults.active = None
    await rest(zone)
    assert (await zone.payment(wanted)).state is PaymentState.PAID and faults.acts == 1
    await zone.check_at_rest()


async def test_a_circuit_that_is_open_costs_nothing(zone: Zone) -> None:
    wanted = await prepared(zone)
    with Between(zone, before=NotSent("traffic_police", "its circuit is open")):
        assert await refused(zone, wanted) == "PROVIDER_UNAVAILABLE"
    assert (await zone.payment(wanted)).state is PaymentState.RELEASED
    await zone.check_at_rest()


async def test_an_answer_that_the_edge_did_not_sign_moves_no_money(zone: Zone) -> None:
    wanted = await prepared(zone)
    act = zone.connector.act

    async def lying(request: connector_pb.ActRequest) -> connector_pb.ActResponse:
        answer = await act(request)
        return connector_pb.ActResponse(envelope=answer.envelope + b" ", edge_signature=answer.edge_signature)

    zone.connector.act = lying  # type: ignore[method-assign]
    assert await refused(zone, wanted) == "PROVIDER_FAULT"
    assert (await zone.payment(wanted)).state is PaymentState.RESERVED
    zone.connector.act = act  # type: ignore[method-assign]
    assert (await zone.pay(wanted)).outcome == "EXECUTED"
    await zone.check_at_rest()


@ON_BOTH
async def test_the_same_order_twice_at_once_runs_once(zone: Zone) -> None:
    wanted, held, arrived = await prepared(zone), asyncio.Event(), asyncio.Event()
    act = zone.connector.act

    async def slow(request: connector_pb.ActRequest) -> connector_pb.ActResponse:
        arrived.set()
        await held.wait()
        return await act(request)

    zone.connector.act = slow  # type: ignore[method-assign]
    first = asyncio.create_task(zone.pay(wanted))
    await arrived.wait()
    assert await refused(zone, wanted) == "UNAVAILABLE"
    first.cancel()
    held.set()
    await zone.exchange.drain()
    assert (await zone.payment(wanted)).state is PaymentState.PAID, "whoever hangs up has paid all the same"
    await zone.check_at_rest()


@ON_BOTH
async def test_two_payments_for_one_fine_pay_once(zone: Zone) -> None:
    orders = [await prepared(zone) for _ in range(4)]
    outcomes = await asyncio.gather(*(zone.pay(one) for one in orders), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    await rest(zone)
    assert len(zone.paid_fen_at_the_agency()) == 1
    await zone.check_at_rest()


# --- broken at every statement


@ON_BOTH
async def test_a_payment_broken_at_any_statement_is_resumed_and_paid_once(zone: Zone) -> None:
    wanted, breaks = await prepared(zone), 0
    async for _ in break_at_each_statement(zone.database, lambda: zone.pay(wanted)):
        breaks += 1
        await zone.exchange.drain()
        await zone.check_books()
        zone.clock.advance(timedelta(minutes=1))
    assert breaks >= 15
    assert zone.edge.upstream.faults.acts == 1 and await zone.outcomes() == ["EXECUTED"]
    await zone.check_at_rest()


@ON_BOTH
async def test_a_refusal_broken_at_any_statement_gives_everything_back_once(zone: Zone) -> None:
    consent = await zone.consent(zone.parameters())
    wrong = zone.order(consent, zone.parameters(1, amount_fen=zone.fine()[1]))

    async def order() -> None:
        assert await refused(zone, wrong) in {"ACTION_NOT_GRANTED", "STATE_CONFLICT"}

    async for _ in break_at_each_statement(zone.database, order):
        await zone.exchange.drain()
        await zone.check_books()
        zone.clock.advance(timedelta(minutes=1))
    assert zone.paid_fen_at_the_agency() == {}
    assert (await zone.payment(wrong)).state is PaymentState.RELEASED
    await zone.check_at_rest()


@ON_BOTH
async def test_resuming_broken_at_any_statement_ends_the_same(zone: Zone) -> None:
    wanted = await prepared(zone)
    with Between(zone, after=LOST):
        await refused(zone, wanted)

    async def resume() -> None:
        zone.clock.advance(LATER)
        await zone.exchange.actions.resume()

    async for _ in break_at_each_statement(zone.database, resume):
        await zone.check_books()
    assert (await zone.payment(wanted)).state is PaymentState.PAID
    await zone.check_at_rest()


async def test_an_agency_that_is_away_for_good_is_asked_less_and_less(zone: Zone) -> None:
    wanted = await prepared(zone)
    unreachable = grpc.StatusCode.UNAVAILABLE.name
    with Between(zone, before=HuilianError("PROVIDER_UNAVAILABLE", unreachable, provider="traffic_police")) as away:
        await refused(zone, wanted)
        for _ in range(3_600):
            zone.clock.advance(timedelta(seconds=1))
            await zone.exchange.actions.resume()
    assert 15 <= len(away.requests) <= 22, len(away.requests)
    await rest(zone)
    await zone.check_at_rest()


# --- a person who leaves


@ON_BOTH
async def test_nobody_leaves_while_money_is_under_way(zone: Zone) -> None:
    wanted, holders = await prepared(zone), (ConvenienceErasure(), ExchangeErasure(zone.database, zone.consents))
    with Between(zone, after=LOST):
        await refused(zone, wanted)
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        await holders[0].retained(zone.citizen.subject)
    async with zone.database.transaction():
        with pytest.raises(HuilianError, match="STATE_CONFLICT"):
            await holders[1].erase(zone.citizen.subject)
    await zone.pay(wanted)
    await refused(zone, await prepared(zone))
    [kept] = await holders[0].retained(zone.citizen.subject)
    assert kept.code == "AML_PAYMENT_RECORDS" and kept.until > zone.clock.now() + timedelta(days=3_650)
    async with zone.database.transaction():
        for holder in holders:
            await holder.erase(zone.citizen.subject)
    assert [row.state for row in await PaymentRow.all()] == ["PAID"]
    assert await ActionRow.all().count() == await QuotaRow.all().count() == 0
    await zone.check_at_rest()
