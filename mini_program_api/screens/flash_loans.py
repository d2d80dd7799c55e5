"""The flash loan: apply, read the offer with its reasons and full cost, sign, follow the progress."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian_protocol.canonical import b64u_encode
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import DeviceAssertion, Fen, Form, ObjectId, Reason, reasons_of
from mini_program_api.progress import stream_progress

STATES = {value: name.removeprefix("FLASH_LOAN_STATE_") for name, value in pb.FlashLoanState.items()}
FINAL = frozenset({"REJECTED", "DISBURSED", "EXPIRED"})


class ApplicationForm(Form):
    """How much, for how long, on which consent."""

    application_id: ObjectId
    consent_id: ObjectId
    amount_fen: Fen
    term_days: int = Field(ge=1, le=365)


class SignatureForm(Form):
    """The phone's signature over the contract."""

    assertion: DeviceAssertion


class Application(BaseModel):
    """An application with its offer. `annual_rate` and `apr` are decimals as text; `contract` is canonical JSON."""

    application_id: str
    state: str
    limit_fen: int
    principal_fen: int
    annual_rate: str
    apr: str
    total_cost_fen: int
    due_date: str
    reasons: list[Reason]
    contract: str
    contract_challenge: str
    loan_id: str
    rule_version: str


class ApplicationsScreen(Screen):
    """POST /api/v1/flash-loans"""

    async def post(self, body: ApplicationForm) -> r201[Application]:
        """Apply. The answer is an offer or a rejection, each with its reasons.

        Tags: citizen
        """
        call = self.call()
        made = await self.hub.loans.apply(
            application_id=body.application_id,
            consent_id=body.consent_id,
            amount_fen=body.amount_fen,
            term_days=body.term_days,
            call=call,
        )
        return answer(application_of(made), call, status=201)


class ApplicationScreen(Screen):
    """GET /api/v1/flash-loans/{application_id}"""

    async def get(self, application_id: ObjectId, /) -> r200[Application]:
        """One of my applications.

        Tags: citizen
        """
        return answer(application_of(await self.hub.loans.application(application_id)))


class SignatureScreen(Screen):
    """POST /api/v1/flash-loans/{application_id}/signature"""

    async def post(self, application_id: ObjectId, /, body: SignatureForm) -> r200[Application]:
        """Sign the contract with the phone's key; the money is disbursed at once.

        Tags: citizen
        """
        call = self.call()
        signed = await self.hub.loans.sign(application_id, body.assertion.to_assertion(), call=call)
        return answer(application_of(signed), call)


class ProgressScreen(Screen):
    """GET /api/v1/flash-loans/{application_id}/progress"""

    async def get(self, application_id: ObjectId, /) -> r200:
        """Server-sent events: `state` whenever the application moves on, from CHECKING to an end.

        Tags: citizen
        """
        loans = self.hub.loans

        async def look() -> Application:
            return application_of(await loans.application(application_id))

        return await stream_progress(self.received, look, FINAL)


def application_of(item: pb.FlashLoanApplication) -> Application:
    """An application as a screen shows it."""
    return Application(
        application_id=item.application_id,
        state=STATES[item.state],
        limit_fen=item.limit.amount_fen,
        principal_fen=item.principal.amount_fen,
        annual_rate=item.annual_rate,
        apr=item.apr,
        total_cost_fen=item.total_cost.amount_fen,
        due_date=item.due_date,
        reasons=reasons_of(item.reasons),
        contract=b64u_encode(item.contract),
        contract_challenge=b64u_encode(item.contract_challenge),
        loan_id=item.loan_id,
        rule_version=item.rule_version,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/flash-loans/{application_id}"
    return [
        web.view("/api/v1/flash-loans", ApplicationsScreen),
        web.view(one, ApplicationScreen),
        web.view(f"{one}/signature", SignatureScreen),
        web.view(f"{one}/progress", ProgressScreen),
    ]
