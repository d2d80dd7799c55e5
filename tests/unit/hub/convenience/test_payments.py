"""Paying a fine through hub and real edge: once, for exactly what was owed."""

from __future__ import annotations

from typing import Any

import pytest
from huilian_protocol.answer_count import verify_answer_count
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint

from connectors.kit.sandbox_server import Fault
from hub.convenience.states import PaymentState
from hub.exchange.actions import Action
from tests.support.databases import ON_SQLITE
from tests.support.orders import prepared, refused, rest
from tests.support.zone import OPENING_FEN, PAY_FINE, Zone

pytestmark = ON_SQLITE


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
