"""All seven data owners on a running site: every dataset reaches the bank; a fine is paid once over the real wire."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
import pytest_asyncio
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian_protocol.action import ActionParameters, commit_parameters, result_info
from huilian_protocol.artefact import ActionGrant, Artefact, DatasetGrant, Purpose
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import open_sealed
from huilian_protocol.status import from_rpc_error
from huilian_sdk import Call, new_id

from connectors.gov_data.traffic_police.sandbox_register import added_fen, decisions_of
from connectors.kit.acceptance.world import seal_parameters
from connectors.kit.sandbox_people import first_of_kind
from connectors.kit.sandbox_server import today_in_china
from deploy.site import AGENCIES
from tests.integration.citizens import Citizen, Prepared, registered
from tests.integration.taken_over_hub import Read, TakenOverHub
from tests.support.sites import HUB, RunningSite

POLICE, PAY_FINE = "traffic_police", "traffic_police.pay_fine/v1"
DEBTOR = first_of_kind("dishonest_debtor")

pytestmark = pytest.mark.xdist_group("shared-site")


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
    assert set(statuses.values()) == {"present"} and len(statuses) == 8 - 1


async def test_a_fine_is_paid_once_at_the_real_edge(shared_site: RunningSite, citizen: Citizen) -> None:
    bank = TakenOverHub.of(shared_site.site, shared_site.site.hub(HUB))
    fine = (decisions_of(DEBTOR) or ())[0]
    owed_fen = fine.fine_fen + added_fen(fine, today_in_china(citizen.clock.now()))
    parameters = ActionParameters({"amount_fen": owed_fen, "decision_number": fine.number}, os.urandom(32))
    first, second = [await _payment(bank, citizen, parameters) for _ in range(2)]
    answer = await _act(bank, first[1])
    result = parse_canonical(open_sealed(answer.envelope, bank.bank_key.private, _result_info(*first)))
    assert (result["status"], result["data"]["paid_fen"]) == ("executed", owed_fen)
    assert await _act(bank, first[1]) == answer
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await _act(bank, second[1])


async def _payment(
    bank: TakenOverHub, citizen: Citizen, parameters: ActionParameters
) -> tuple[Artefact, pb.ActRequest]:
    """The person's own signature on exactly this payment, and the request that the hub makes of it."""
    drafted = (await citizen.prepare()).artefact
    amount_fen = parameters.values["amount_fen"]
    grant = ActionGrant(PAY_FINE, 1, amount_fen, commit_parameters(parameters))
    purpose = Purpose("PUBLIC_PAYMENT", "缴纳交通违法罚款")
    artefact = replace(drafted, id=new_id(), datasets=(), actions=(grant,), purpose=purpose)
    consent = bank.forged(artefact, citizen.binding, citizen.device.sign(artefact.sha256))
    offered = await citizen.hub.exchange.datasets()
    key = next(agency.sealing_public_key for agency in offered.agencies if agency.agency_id == POLICE)
    request_id = new_id()
    return artefact, pb.ActRequest(
        request_id=request_id,
        signed_consent=consent.to_bytes(),
        action_id=PAY_FINE,
        sealed_subject=(await citizen.sealed(Prepared(artefact, (POLICE,))))[POLICE],
        sealed_parameters=seal_parameters(artefact, parameters, PAY_FINE, POLICE, request_id, key),
        recipient_public_key=bank.bank_key.public,
    )


async def _act(bank: TakenOverHub, request: pb.ActRequest) -> pb.ActResponse:
    async with bank._edge(POLICE, bank.place.name) as stub:
        try:
            answer: pb.ActResponse = await stub.Act(request, timeout=10)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return answer


def _result_info(artefact: Artefact, request: pb.ActRequest) -> dict[str, Any]:
    return result_info(
        consent_sha256=artefact.sha256,
        purpose=artefact.purpose.code,
        action=PAY_FINE,
        recipient=artefact.recipient.id,
        request_id=request.request_id,
    )
