"""Pay a fine or a bill: commit to what is paid, seal it to the agency, order it, follow it."""

from __future__ import annotations

import secrets

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.convenience.v1 import convenience_service_pb2 as pb
from huilian_protocol.action import SALT_BYTES, ActionParameters, commit_parameters
from huilian_protocol.artefact import parse_artefact
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError
from huilian_sdk import Huilian
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Base64Url, Form, ObjectId, PageSize, PageToken, time_text
from mini_program_api.identities import IdentityForm, seal_parameters

STATES = {value: name.removeprefix("PAYMENT_STATE_") for name, value in pb.PaymentState.items()}


class ParametersForm(Form):
    """What shall be done, such as the number of a fine and its amount in fen."""

    parameters: dict[str, str | int] = Field(min_length=1, max_length=20, repr=False)


class Commitment(BaseModel):
    """The salt that hides the parameters, and the commitment that goes into the consent. Nothing is kept here."""

    salt: str
    parameters_commitment: str


class ParametersToSeal(ParametersForm):
    """Parameters for the agency of an action, under the request id of the order (`Idempotency-Key`)."""

    salt: Base64Url = Field(repr=False)
    artefact: Base64Url
    action_id: str = Field(min_length=1, max_length=100)
    identity: IdentityForm


class SealedParameters(BaseModel):
    """Parameters that only the agency opens."""

    sealed_parameters: str


class OrderForm(Form):
    """The order to do what a consent names; its `Idempotency-Key` is the payment's id."""

    consent_id: ObjectId
    action_id: str = Field(min_length=1, max_length=100)
    sealed_parameters: Base64Url


class Payment(BaseModel):
    """A payment as it stands; amounts in fen. `RESERVED` means that the agency's answer is not known yet."""

    payment_id: str
    consent_id: str
    action_id: str
    state: str
    reserved_fen: int
    paid_fen: int
    receipt_number: str
    reason: str
    ordered_at: str
    settled_at: str


class Payments(BaseModel):
    """A page of payments, newest first."""

    payments: list[Payment]
    next_page_token: str


class CommitmentsScreen(Screen):
    """POST /api/v1/action-commitments"""

    keyed = False
    signed_in = False

    async def post(self, body: ParametersForm) -> r200[Commitment]:
        """Commit to parameters for a phone that cannot do it itself.

        Tags: citizen
        """
        parameters = ActionParameters(body.parameters, secrets.token_bytes(SALT_BYTES))
        commitment = commit_parameters(parameters)
        return answer(Commitment(salt=b64u_encode(parameters.salt), parameters_commitment=commitment))


class ParameterSealingScreen(Screen):
    """POST /api/v1/sealed-parameters"""

    async def post(self, body: ParametersToSeal) -> r200[SealedParameters]:
        """Seal parameters for a phone that cannot do it itself; the order must carry the same `Idempotency-Key`.

        Tags: citizen
        """
        parameters, request_id = ActionParameters(body.parameters, b64u_decode(body.salt)), self.call().request_id
        artefact = parse_artefact(b64u_decode(body.artefact))
        sealed = await seal_parameters(
            self.hub, body.identity, artefact, body.action_id, parameters, request_id, self.trust
        )
        return answer(SealedParameters(sealed_parameters=b64u_encode(sealed)))


class PaymentsScreen(Screen):
    """/api/v1/payments"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Payments]:
        """My payments, newest first.

        Tags: citizen
        """
        page = await self.hub.convenience.payments().page(page_token=page_token, page_size=page_size)
        shown = [payment_of(item) for item in page.items]
        return answer(Payments(payments=shown, next_page_token=page.next_page_token))

    async def post(self, body: OrderForm) -> r201[Payment]:
        """Pay. A repeated order is answered by the first payment; a refusal comes as a problem.

        Tags: citizen
        """
        call, hub = self.call(), self.hub
        try:
            await hub.exchange.perform(
                request_id=call.request_id,
                consent_id=body.consent_id,
                action_id=body.action_id,
                sealed_parameters=b64u_decode(body.sealed_parameters),
                call=call,
            )
        except HuilianError as error:
            # Nobody knows yet what became of it: that is a state, which the person may look at, not the end.
            if not error.code.startswith("PROVIDER_"):
                raise
            return answer(await _known(hub, call.request_id, error), call, status=201)
        return answer(payment_of(await hub.convenience.payment(call.request_id)), call, status=201)


class PaymentScreen(Screen):
    """/api/v1/payments/{payment_id}"""

    async def get(self, payment_id: ObjectId, /) -> r200[Payment]:
        """One of my payments.

        Tags: citizen
        """
        return answer(payment_of(await self.hub.convenience.payment(payment_id)))


async def _known(hub: Huilian, payment_id: str, error: HuilianError) -> Payment:
    """A payment that was begun; raises the error itself when nothing was."""
    try:
        return payment_of(await hub.convenience.payment(payment_id))
    except HuilianError as unknown:
        raise error from unknown


def payment_of(item: pb.Payment) -> Payment:
    """A payment as a screen shows it."""
    return Payment(
        payment_id=item.payment_id,
        consent_id=item.consent_id,
        action_id=item.action_id,
        state=STATES[item.state],
        reserved_fen=item.reserved_fen,
        paid_fen=item.paid_fen,
        receipt_number=item.receipt_number,
        reason=item.reason,
        ordered_at=time_text(item.ordered_time),
        settled_at=time_text(item.settled_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/action-commitments", CommitmentsScreen),
        web.view("/api/v1/sealed-parameters", ParameterSealingScreen),
        web.view("/api/v1/payments", PaymentsScreen),
        web.view("/api/v1/payments/{payment_id}", PaymentScreen),
    ]
