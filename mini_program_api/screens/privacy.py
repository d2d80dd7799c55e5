"""Have my data destroyed: what would stay and why, the signed order, the certificate and its receipt."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.identity.v1 import privacy_service_pb2 as pb
from huilian_protocol.canonical import b64u_encode
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer, download
from mini_program_api.forms import DeviceAssertion, Form, time_text

ErasureId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class Retention(BaseModel):
    """Records that the law has the hub keep until `until`."""

    code: str
    text_zh: str
    text_en: str
    until: str


class ErasureForm(Form):
    """`erasure_id` is chosen at random by the device; it fetches the receipt later."""

    erasure_id: ErasureId


class ErasureOrder(BaseModel):
    """`order` is what the device signs (its SHA-256 is the challenge)."""

    order: str
    retained: list[Retention]


class SignedErasure(Form):
    """The device's signature over the order."""

    assertion: DeviceAssertion


class Erased(BaseModel):
    """Everything is gone but what is listed; `certificate` is the hub's signed word for it."""

    erasure_id: str
    erased_at: str
    certificate: str
    retained: list[Retention]


class ErasuresScreen(Screen):
    """POST /api/v1/erasures"""

    keyed = False

    async def post(self, body: ErasureForm) -> r201[ErasureOrder]:
        """What I would sign to have everything destroyed, and what would stay and why.

        Tags: citizen
        """
        prepared = await self.hub.privacy.prepare_erasure(body.erasure_id)
        order = ErasureOrder(order=b64u_encode(prepared.order), retained=_retained(prepared))
        return answer(order, status=201)


class ErasureScreen(Screen):
    """POST /api/v1/erasures/{erasure_id}/signature"""

    keyed = False

    async def post(self, erasure_id: ErasureId, /, body: SignedErasure) -> r200[Erased]:
        """Destroy everything that the hub keeps about me. It cannot be undone; again gives the same certificate.

        Tags: citizen
        """
        done = await self.hub.privacy.erase_my_data(erasure_id, body.assertion.to_assertion())
        erased_at = time_text(done.erased_time)
        return answer(
            Erased(erasure_id=erasure_id, erased_at=erased_at, certificate=done.certificate, retained=_retained(done))
        )


class ErasureReceiptScreen(Screen):
    """GET /api/v1/erasures/{erasure_id}/receipt"""

    signed_in = False

    async def get(self, erasure_id: ErasureId, /) -> r200:
        """The receipt of an erasure, without signing in: there is nobody left who could.

        Tags: citizen
        """
        return download(await self.anonymous.privacy.erasure_receipt(erasure_id), "erasure.json")


def _retained(said: pb.PrepareErasureResponse | pb.EraseMyDataResponse) -> list[Retention]:
    return [
        Retention(code=item.code, text_zh=item.text_zh, text_en=item.text_en, until=time_text(item.until_time))
        for item in said.retained
    ]


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/erasures", ErasuresScreen),
        web.view("/api/v1/erasures/{erasure_id}/signature", ErasureScreen),
        web.view("/api/v1/erasures/{erasure_id}/receipt", ErasureReceiptScreen),
    ]
