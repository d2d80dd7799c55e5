"""All seven data owners on a running site: every dataset reaches the bank; a fine is paid once from the account."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from huilian.convenience.v1 import convenience_service_pb2 as convenience_pb
from huilian_protocol.action import ActionParameters
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_sdk import Call, new_id

from connectors.gov_data.traffic_police.sandbox_register import added_fen, decisions_of
from connectors.kit.sandbox_people import first_of_kind
from connectors.kit.sandbox_server import today_in_china
from deploy.journeys.parties import operator_of
from deploy.site import AGENCIES
from tests.integration.citizens import Citizen, registered
from tests.integration.payments import order_of
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite

DEBTOR = first_of_kind("dishonest_debtor")


@pytest_asyncio.fixture
async def citizen(shared_site: RunningSite) -> AsyncIterator[Citizen]:
    async with registered(shared_site.site, shared_site.site.hub(HUB), DEBTOR) as person:
        yield person


async def test_every_dataset_of_every_owner_reaches_the_bank(shared_site: RunningSite, citizen: Citizen) -> None:
    offered = await citizen.hub.exchange.datasets()
    assert {agency.agency_id for agency in offered.agencies} == set(AGENCIES)
    grants = [
        DatasetGrant(item.dataset_id, tuple(sorted(field.name for field in item.fields)), citizen.period())
        for item in offered.datasets
    ]
    consent = await citizen.granted(grants)
    bank = TakenOverHub.of(shared_site.site, shared_site.site.hub(HUB))
    statuses = {}
    for grant in grants:
        call = Call(request_id=new_id())
        answer = await citizen.hub.exchange.fetch(
            consent_id=consent.consent_id, dataset_id=grant.id, fields=grant.fields, period=grant.period, call=call
        )
        read = Read(b"", grant.id, grant.fields, grant.period, b"", b"", call.request_id)
        artefact = parse_signed_consent(consent.signed_consent).artefact
        statuses[grant.id] = bank.open(artefact, read, answer)["status"]  # type: ignore[arg-type]
    assert statuses.pop("tax.enterprise/v1") in ("present", "no_account")
    assert set(statuses.values()) == {"present"} and len(statuses) == 9 - 1


async def test_a_fine_is_paid_once_from_the_account(shared_site: RunningSite, citizen: Citizen) -> None:
    fine = (decisions_of(DEBTOR) or ())[0]
    owed_fen = fine.fine_fen + added_fen(fine, today_in_china(citizen.clock.now()))
    parameters = ActionParameters({"amount_fen": owed_fen, "decision_number": fine.number}, os.urandom(32))
    async with operator_of(shared_site.site, shared_site.site.hub(HUB)) as operator:
        opening_fen = await operator.sandbox.fund(citizen.subject, 10 * owed_fen)
    first, second = await order_of(citizen, parameters), await order_of(citizen, parameters)
    done = await citizen.hub.exchange.perform(**first)
    assert done.outcome == "EXECUTED" and done == await citizen.hub.exchange.perform(**first)
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await citizen.hub.exchange.perform(**second)
    paid = await citizen.hub.convenience.payment(first["request_id"])
    assert (paid.state, paid.paid_fen) == (convenience_pb.PAYMENT_STATE_PAID, owed_fen) and paid.receipt_number
    assert await citizen.hub.sandbox.balance(citizen.subject) == opening_fen - owed_fen
    assert [one.payment_id async for one in citizen.hub.convenience.payments()][-1] == first["request_id"]
    actions = [one async for one in citizen.hub.exchange.access_records() if one.action_id]
    assert [one.outcome for one in actions] == ["ALREADY_EXISTS", "EXECUTED"]
