"""Who read my data: every read and every refusal, each with a receipt that anyone can check offline."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.exchange.v1 import exchange_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer, download
from mini_program_api.forms import Form, Moment, PageSize, PageToken, RecordId, StatementId, time_text


class Access(BaseModel):
    """One read, action or refusal: a dataset or an action is named.

    `access_record_id` fetches its receipt; `refused_by` is `hub`, `edge` or empty. `times` is how many equal calls were
    turned away at the door within a minute, else 1.
    """

    access_record_id: str
    consent_id: str
    recipient_id: str
    purpose_code: str
    dataset_id: str
    fields: list[str]
    accessed_at: str
    outcome: str
    refused_by: str
    action_id: str
    times: int


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


class Period(Form):
    """Which accesses are to be proven. Without an end: up to now."""

    period_from: Moment
    period_to: Moment | None = None


class AccessStatement(BaseModel):
    """The hub's logged statement; `statement_id` fetches the file that proves it."""

    statement_id: str
    record_count: int


class AccessStatementsScreen(Screen):
    """POST /api/v1/accesses/statements"""

    async def post(self, body: Period) -> r201[AccessStatement]:
        """Have the hub state and log how many accesses there were in a period.

        Tags: citizen
        """
        call = self.call()
        stated = await self.hub.exchange.access_statement(body.period_from, body.period_to, call=call)
        made = AccessStatement(statement_id=stated.statement_id, record_count=stated.record_count)
        return answer(made, call, status=201)


class AccessExportScreen(Screen):
    """GET /api/v1/accesses/exports/{statement_id}"""

    async def get(self, statement_id: StatementId, /) -> r200:
        """Every access of a stated period with all proofs, as one file that can be checked offline.

        Tags: citizen
        """
        return download(await self.hub.exchange.export_access_records(statement_id), "accesses.json")


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
        action_id=item.action_id,
        times=item.times,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/accesses", AccessesScreen),
        web.view("/api/v1/accesses/statements", AccessStatementsScreen),
        web.view("/api/v1/accesses/exports/{statement_id}", AccessExportScreen),
        web.view("/api/v1/receipts/{record_id}", ReceiptScreen),
    ]
