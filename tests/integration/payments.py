"""A person's order to pay a fine, as their phone makes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from huilian_protocol.action import ActionParameters, commit_parameters
from huilian_protocol.artefact import ActionGrant, parse_artefact
from huilian_sdk import new_id

from tests.integration.citizens import Citizen, Prepared

POLICE, PAY_FINE = "traffic_police", "traffic_police.pay_fine/v1"


async def order_of(citizen: Citizen, parameters: ActionParameters) -> dict[str, Any]:
    """The person's own signature on exactly this payment, and the order that their phone makes of it."""
    grant = ActionGrant(PAY_FINE, 1, parameters.values["amount_fen"], commit_parameters(parameters))
    answer = await citizen.hub.consents.prepare(
        purpose_code="PUBLIC_PAYMENT",
        recipient_id="bank.convenience",
        datasets=[],
        actions=[grant],
        max_reads=1,
        data_life_days=30,
        valid_until=citizen.clock.now() + timedelta(days=1),
    )
    prepared = Prepared(parse_artefact(answer.artefact), tuple(answer.agency_ids))
    assert prepared.agencies == (POLICE,)
    await citizen.sign(prepared)
    offered, request_id = await citizen.hub.exchange.datasets(), new_id()
    key = next(agency.sealing_public_key for agency in offered.agencies if agency.agency_id == POLICE)
    sealed = citizen.person.seal_parameters(
        parameters,
        key,
        action=PAY_FINE,
        agency=POLICE,
        consent_id=prepared.artefact.id,
        subject=citizen.subject,
        request_id=request_id,
    )
    names = {"request_id": request_id, "consent_id": prepared.artefact.id, "action_id": PAY_FINE}
    return {**names, "sealed_parameters": sealed}
