"""Who read my data: every read and every refusal, each with a receipt that anyone can check offline."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.exchange.v1 import exchange_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer, download
from mini_program_api.forms import PageSize, PageToken, RecordId, time_text


class Access(BaseModel):
    """One read or refusal. `access_record_id` fetches its receipt; `refused_by` is `hub`, `edge` or empty."""

    access_record_id: str
    consent_id: str
    recipient_id: str
    purpose_code: str
    dataset_id: str
    fields: list[str]
    accessed_at: str
    outcome: str
    refused_by: str


class Accesses(BaseModel):
    """A page of accesses, newest first."""

    accesses: list[Access]
    next_page_token: str


class AccessesScreen(Screen):
    """GET /api/v1/accesses"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Accesses]:
        """Who read which of my data, why, when, and how it ended.

        Tags: citizen
        """
        page = await self.hub.exchange.access_records().page(page_token=page_token, page_size=page_size)
        return answer(Accesses(accesses=[_access(item) for item in page.items], next_page_token=page.next_page_token))


class ReceiptScreen(Screen):
    """GET /api/v1/receipts/{record_id}"""

    async def get(self, record_id: RecordId, /) -> r200:
        """The receipt of one of my records as a file: record, proof, checkpoint, anchor.

        Tags: citizen supplier
        """
        receipt = await self.hub.ledger.receipt(record_id)
        return download(receipt, "receipt.json")


def _access(item: pb.AccessRecord) -> Access:
    return Access(
        access_record_id=item.access_record_id,
        consent_id=item.consent_id,
        recipient_id=item.recipient_id,
        purpose_code=item.purpose_code,
        dataset_id=item.dataset_id,
        fields=list(item.fields),
        accessed_at=time_text(item.accessed_time),
        outcome=item.outcome,
        refused_by=item.refused_by,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/accesses", AccessesScreen),
        web.view("/api/v1/receipts/{record_id}", ReceiptScreen),
    ]
