"""My public records: fines, utility bills, social-security card, credit report, court cases.

A person's number or name is in no address: the consent says whose record it is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r202  # type: ignore[import-untyped]
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError, catalogue
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.forms import ObjectId
from mini_program_api.masking import masked

PREPARING = "preparing"
RETRY_AFTER_S = 2
_TEXTS = {
    "present": ("", ""),
    "no_account": ("该机构没有您的记录。", "This agency holds no record of yours."),
    PREPARING: (
        "报告正在准备中，请稍后用同一请求编号再次查询。",
        "The report is being prepared. Ask again shortly under the same request id.",
    ),
}


class PublicRecord(BaseModel):
    """One record: `present` with its data, `no_account`, `preparing`, or `unavailable` with the reason."""

    dataset_id: str
    status: str
    data: dict[str, Any]
    error_code: str
    text_zh: str
    text_en: str
    access_record_id: str


class PublicRecordScreen(Screen):
    """Base of the screens of one dataset each."""

    dataset_id: ClassVar[str]

    async def post(self, consent_id: ObjectId, /) -> r200[PublicRecord] | r202[PublicRecord]:
        """Read my record under a consent. It counts as a read and is recorded as one.

        Tags: citizen
        """
        call = self.call()
        record = await self.hub.convenience.read(consent_id=consent_id, dataset_id=self.dataset_id, call=call)
        text_zh, text_en = _texts(record.status, record.error_code)
        shown = PublicRecord(
            dataset_id=self.dataset_id,
            status=record.status,
            data=await self._shown(record.data_json),
            error_code=record.error_code,
            text_zh=text_zh,
            text_en=text_en,
            access_record_id=record.access_record_id,
        )
        response = answer(shown, call, status=202 if record.status == PREPARING else 200)
        if record.status == PREPARING:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    async def _shown(self, data_json: str) -> dict[str, Any]:
        if not data_json:
            return {}
        offered = (await self.anonymous.exchange.datasets()).datasets
        dataset = next((item for item in offered if item.dataset_id == self.dataset_id), None)
        if dataset is None:
            # Without the dataset's own word nobody knows what may be shown.
            raise HuilianError("PROVIDER_UNAVAILABLE", "its description is not at hand", provider=self.dataset_id)
        return masked(parse_json(data_json.encode("utf-8")), dataset)


def _texts(status: str, error_code: str) -> tuple[str, str]:
    if status in _TEXTS:
        return _TEXTS[status]
    shown = HuilianError(error_code if error_code in catalogue() else "PROVIDER_UNAVAILABLE")
    return shown.text_zh, shown.text_en


class FinesScreen(PublicRecordScreen):
    """POST /api/v1/consents/{consent_id}/fines"""

    dataset_id = "traffic_police.violation/v1"


class UtilityBillsScreen(PublicRecordScreen):
    """POST /api/v1/consents/{consent_id}/utility-bills"""

    dataset_id = "utilities.bill/v1"


class SocialCardScreen(PublicRecordScreen):
    """POST /api/v1/consents/{consent_id}/social-card"""

    dataset_id = "social_insurance.card/v1"


class CreditReportScreen(PublicRecordScreen):
    """POST /api/v1/consents/{consent_id}/credit-report"""

    dataset_id = "credit_bureau.report/v1"


class CourtCasesScreen(PublicRecordScreen):
    """POST /api/v1/consents/{consent_id}/court-cases"""

    dataset_id = "court_enforcement.record/v1"


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/consents/{consent_id}"
    return [
        web.view(f"{one}/fines", FinesScreen),
        web.view(f"{one}/utility-bills", UtilityBillsScreen),
        web.view(f"{one}/social-card", SocialCardScreen),
        web.view(f"{one}/credit-report", CreditReportScreen),
        web.view(f"{one}/court-cases", CourtCasesScreen),
    ]
