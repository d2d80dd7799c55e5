"""Paying a fine through hub and real edge: once, for exactly what was owed, whatever is killed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.answer_count import verify_answer_count
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint

from connectors.kit.consent_status import Notice
from connectors.kit.sandbox_server import Fault
from hub.convenience.erasure import ConvenienceErasure
from hub.convenience.states import PaymentState
from hub.convenience.store import PaymentRow
from hub.exchange.actions import Action
from hub.exchange.erasure import ExchangeErasure
from hub.exchange.resilience import NotSent
from hub.exchange.store import ActionRow, QuotaRow
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.zone import OPENING_FEN, PAY_FINE, Zone

pytestmark = ON_SQLITE

Ask = Callable[[connector_pb.ActRequest], Awaitable[connector_pb.ActResponse]]
LATER = timedelta(minutes=10)


async def prepared(zone: Zone, number: int = 0, **terms: Any) -> Action:
    """A consented order for one fine."""
    parameters = zone.parameters(number)
    return zone.order(await zone.consent(parameters, **terms), parameters)


async def refused(zone: Zone, wanted: Action) -> str:
    """The code with which an order was refused."""
    with pytest.raises(HuilianError) as refusal:
        await zone.pay(wanted)
    return refusal.value.code


async def rest(zone: Zone) -> None:
    """Let time pass and the hub resume what is open, until nothing is."""
    for _ in range(4):
        zone.clock.advance(LATER)
        zone.edge.copy.confirm(zone.clock.now())
        await zone.exchange.actions.resume()


async def test_a_fine_is_paid_from_the_account_and_proved(zone: Zone) -> None:
    owed_fen = zone.fine()[1]
    wanted = await prepared(zone, max_amount_fen=owed_fen + 700)
    done = await zone.pay(wanted)
    assert done.outcome == "EXECUTED"
    payment = await zone.payment(wanted)
    assert (payment.state, payment.reserved_fen, payment.paid_fen) == (PaymentState.PAID, owed_fen + 700, owed_fen)
    assert payment.receipt_number.startswith("JJ") and payment.settled_at == zone.clock.now()
    assert zone.paid_fen_at_the_agency() == {zone.fine()[0].number: owed_fen}
    assert await zone.outcomes() == ["EXECUTED"]
    await zone.check_at_rest()
    assert (await zone.consents.find(wanted.consent_id)).state == "EXHAUSTED"
    # The edge says so too, whatever the hub would like to show.
    key = zone.edge.keys.signing.public_key()
    count = verify_answer_count(await zone.connector.count_answers(wanted.consent_id), {thumbprint(key): key})
    assert [(each.request_id, each.outcome) for each in count.actions] == [(wanted.request_id, "EXECUTED")]


async def test_a_repeated_order_is_answered_and_nothing_more_is_paid(zone: Zone) -> None:
    wanted = await prepared(zone)
    first, second = await zone.pay(wanted), await zone.pay(wanted)
    assert first == second and zone.edge.upstream.faults.acts == 1
    other = zone.parameters(1)
    changed = Action(wanted.request_id, wanted.consent_id, PAY_FINE, b"something else")
    assert await refused(zone, changed) == "REQUEST_ID_REUSED"
    # The same fine under a fresh consent: the agency and the edge know that it is paid.
    assert await refused(zone, await prepared(zone)) == "ALREADY_EXISTS"
    assert (await zone.pay(zone.order(await zone.consent(other), other))).outcome == "EXECUTED"
    assert await zone.outcomes() == ["EXECUTED", "REFUSED:ALREADY_EXISTS", "EXECUTED"]
    await zone.check_at_rest()


async def test_an_agency_that_says_no_gets_nothing(zone: Zone) -> None:
    owed_fen = zone.fine()[1]
    wrong = zone.parameters(amount_fen=owed_fen + 1)
    wanted = zone.order(await zone.consent(wrong), wrong)
    assert (await zone.pay(wanted)).outcome == "REJECTED"
    payment = await zone.payment(wanted)
    assert (payment.state, payment.paid_fen, payment.reason) == (PaymentState.REJECTED, 0, "WRONG_AMOUNT")
    assert (await zone.consents.find(wanted.consent_id)).state == "GRANTED", "the use was given back"
    await zone.check_at_rest()


async def test_what_is_not_on_the_account_is_not_paid(zone: Zone) -> None:
    wanted = await prepared(zone, max_amount_fen=2_000_000)
    more = [await prepared(zone, number, max_amount_fen=2_000_000) for number in (1, 0)]
    zone.edge.upstream.faults.active = Fault.DOWN
    held = [await refused(zone, one) for one in (wanted, more[0], more[1])]
    assert held == ["PROVIDER_UNAVAILABLE", "PROVIDER_UNAVAILABLE", "INSUFFICIENT_FUNDS"]
    assert await zone.balance_fen() == OPENING_FEN - 4_000_000
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await zone.payment(more[1])
    assert await refused(zone, more[1]) == "INSUFFICIENT_FUNDS"
    zone.edge.upstream.faults.active = None
    await rest(zone)
    await zone.check_at_rest()


@pytest.mark.parametrize("purpose", ["PERSONAL_INQUIRY", "LOAN_APPLICATION"])
async def test_other_purposes_pay_nothing(zone: Zone, purpose: str) -> None:
    recipient = "bank.lending" if purpose == "LOAN_APPLICATION" else "bank.convenience"
    with pytest.raises(HuilianError, match="PURPOSE_LIMIT_EXCEEDED"):
        await zone.consent(zone.parameters(), purpose=purpose, recipient=recipient)


async def test_only_the_person_orders(zone: Zone) -> None:
    wanted = await prepared(zone)
    for stranger in ("bank.convenience", zone.world.citizen(2).subject):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await zone.exchange.actions.perform(stranger, wanted)
    assert await zone.outcomes() == []


async def test_a_consent_that_was_revoked_or_used_up_pays_nothing(zone: Zone) -> None:
    parameters = zone.parameters()
    consent = await zone.consent(parameters)
    first, second = zone.order(consent, parameters), zone.order(consent, parameters)
    await zone.pay(first)
    assert await refused(zone, second) == "CONSENT_EXHAUSTED"
    revoked = await prepared(zone, 1)
    async with zone.database.transaction():
        await zone.consents.revoke(zone.citizen.subject, revoked.consent_id)
    assert await refused(zone, revoked) == "CONSENT_REVOKED"
    await zone.check_at_rest()


async def test_a_consent_with_data_left_to_read_is_not_used_up(zone: Zone) -> None:
    parameters = zone.parameters()
    grant = DatasetGrant("traffic_police.violation/v1", ("unpaid_fen",), Period("2026-01", "2026-02"))
    with pytest.raises(HuilianError, match="UNKNOWN_FIELD"):
        await zone.consent(parameters, datasets=(DatasetGrant(grant.id, ("nothing_such",), grant.period),))
    consent = await zone.consent(parameters, max_uses=2)
    await zone.pay(zone.order(consent, parameters))
    assert (await zone.consents.find(consent.artefact.id)).state == "GRANTED"


async def test_the_parameters_that_were_signed_and_no_others(zone: Zone) -> None:
    consent = await zone.consent(zone.parameters())
    other = zone.order(consent, zone.parameters(1, amount_fen=zone.fine()[1]))
    assert await refused(zone, other) == "ACTION_NOT_GRANTED"
    assert (await zone.payment(other)).state is PaymentState.RELEASED
    await zone.check_at_rest()


async def test_an_action_of_an_exact_consent_must_be_committed_to(zone: Zone) -> None:
    terms = (await zone.consent(zone.parameters())).artefact
    assert terms.actions[0].parameters_commitment is not None
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await zone.consent(zone.parameters(), actions=(_uncommitted(terms.actions[0]),))
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await zone.consent(zone.parameters(), actions=(_elsewhere(terms.actions[0]),))


def _uncommitted(grant: Any) -> Any:
    return type(grant)(grant.id, grant.max_uses, grant.max_amount_fen)


def _elsewhere(grant: Any) -> Any:
    return type(grant)("traffic_police.tow_car/v1", 1, 0, grant.parameters_commitment)


# --- nobody knows what became of it


class Between:
    """Stands between hub and edge: `before` the edge hears of it, or `after` it has answered, something happens."""

    def __init__(self, zone: Zone, before: Exception | None = None, after: Exception | None = None) -> None:
        self._connector, self._before, self._after = zone.connector, before, after
        self._act = zone.connector.act
        self.requests: list[connector_pb.ActRequest] = []

    async def act(self, request: connector_pb.ActRequest) -> connector_pb.ActResponse:
        self.requests.append(request)
        if self._before is not None:
            raise self._before
        answer = await self._act(request)
        if self._after is not None:
            raise self._after
        return answer

    def __enter__(self) -> Between:
        self._connector.act = self.act  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._connector.act = self._act  # type: ignore[method-assign]


LOST = HuilianError("PROVIDER_TIMEOUT", "the answer was lost", provider="traffic_police")


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
