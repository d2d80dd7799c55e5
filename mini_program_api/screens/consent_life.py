"""What happens to my consents: decline, take back, pause, go on, and how they ended."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian_protocol.canonical import b64u_decode
from pydantic import Field

from mini_program_api.base import Screen, answer, download
from mini_program_api.forms import Base64Url, DeviceAssertion, Form, ObjectId
from mini_program_api.screens.consents import Consent, consent_of


class ResumptionForm(Form):
    """The statement that the consent offers while it is paused, and the phone's signature over it."""

    statement: Base64Url
    assertion: DeviceAssertion


class DatasetForm(Form):
    """One dataset or action to take back."""

    dataset_id: str = Field(min_length=1, max_length=100)


class RejectionScreen(Screen):
    """POST /api/v1/consents/{consent_id}/rejection"""

    async def post(self, consent_id: ObjectId, /) -> r200[Consent]:
        """Decline a drafted consent.

        Tags: citizen
        """
        call = self.call()
        return answer(consent_of(await self.hub.consents.reject(consent_id, call=call)), call)


class RevocationScreen(Screen):
    """POST /api/v1/consents/{consent_id}/revocation"""

    async def post(self, consent_id: ObjectId, /) -> r200[Consent]:
        """Take a consent back. From now on the hub and every agency's edge refuse to read.

        Tags: citizen
        """
        call = self.call()
        return answer(consent_of(await self.hub.consents.revoke(consent_id, call=call)), call)


class DatasetRevocationScreen(Screen):
    """POST /api/v1/consents/{consent_id}/dataset-revocation"""

    async def post(self, consent_id: ObjectId, /, body: DatasetForm) -> r200[Consent]:
        """Take back one dataset or action; the rest stays in force.

        Tags: citizen
        """
        call = self.call()
        revoked = await self.hub.consents.revoke(consent_id, dataset_id=body.dataset_id, call=call)
        return answer(consent_of(revoked), call)


class PauseScreen(Screen):
    """POST /api/v1/consents/{consent_id}/pause"""

    async def post(self, consent_id: ObjectId, /) -> r200[Consent]:
        """Stop reads until I resume. One tap: no signature.

        Tags: citizen
        """
        call = self.call()
        return answer(consent_of(await self.hub.consents.pause(consent_id, call=call)), call)


class ResumptionScreen(Screen):
    """POST /api/v1/consents/{consent_id}/resumption"""

    async def post(self, consent_id: ObjectId, /, body: ResumptionForm) -> r200[Consent]:
        """Go on: the phone's signature over the statement, which every agency's edge checks.

        Tags: citizen
        """
        call = self.call()
        statement, assertion = b64u_decode(body.statement), body.assertion.to_assertion()
        return answer(consent_of(await self.hub.consents.resume(consent_id, statement, assertion, call=call)), call)


class TerminationScreen(Screen):
    """GET /api/v1/consents/{consent_id}/termination"""

    async def get(self, consent_id: ObjectId, /) -> r200:
        """How the consent ended: a signed receipt that verifies by itself.

        Tags: citizen
        """
        receipt = await self.hub.consents.termination_receipt(consent_id)
        return download(receipt, f"termination-{consent_id}.json")


class ConsentRecordScreen(Screen):
    """GET /api/v1/consents/{consent_id}/record"""

    async def get(self, consent_id: ObjectId, /) -> r200:
        """The consent as a record by the field names of ISO/IEC TS 27560.

        Tags: citizen
        """
        return download(await self.hub.consents.export(consent_id), f"record-{consent_id}.json")


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/consents/{consent_id}"
    return [
        web.view(f"{one}/rejection", RejectionScreen),
        web.view(f"{one}/revocation", RevocationScreen),
        web.view(f"{one}/dataset-revocation", DatasetRevocationScreen),
        web.view(f"{one}/pause", PauseScreen),
        web.view(f"{one}/resumption", ResumptionScreen),
        web.view(f"{one}/termination", TerminationScreen),
        web.view(f"{one}/record", ConsentRecordScreen),
    ]
