"""My data: exactly what the bank will decide on, field by field, before I apply."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError, catalogue
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.forms import ObjectId


class EvidenceItem(BaseModel):
    """One dataset: `present` with its data, `no_account`, or `unavailable` with the reason. Never a guess.

    `fault` says who has to act (caller, person, hub, provider), `retry` whether asking again helps; empty when present.
    """

    dataset_id: str
    status: str
    data: dict[str, Any]
    error_code: str
    fault: str = ""
    retry: str = ""
    reason_zh: str = ""
    reason_en: str = ""


class Preview(BaseModel):
    """What the bank would see under this consent."""

    items: list[EvidenceItem]


class PreviewScreen(Screen):
    """POST /api/v1/consents/{consent_id}/preview"""

    async def post(self, consent_id: ObjectId, /) -> r200[Preview]:
        """Read my data under a consent. It counts as a read and is recorded as one.

        Tags: citizen
        """
        call = self.call()
        items = await self.hub.loans.preview_evidence(consent_id, call=call)
        return answer(Preview(items=[_item(item) for item in items]), call)


def _item(item: pb.EvidenceItem) -> EvidenceItem:
    data = parse_json(item.data_json.encode("utf-8")) if item.data_json else {}
    shown = EvidenceItem(dataset_id=item.dataset_id, status=item.status, data=data, error_code=item.error_code)
    if item.error_code not in catalogue():
        return shown
    error = HuilianError(item.error_code, provider=item.dataset_id, dataset=item.dataset_id)
    why = {"fault": error.entry.fault.value, "retry": error.entry.retry.value}
    return shown.model_copy(update={**why, "reason_zh": error.text_zh, "reason_en": error.text_en})


def routes() -> list[web.RouteDef]:
    """Where this screen is served."""
    return [web.view("/api/v1/consents/{consent_id}/preview", PreviewScreen)]
