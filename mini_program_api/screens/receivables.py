"""A supplier's receivables: every invoice that a core enterprise has confirmed, or why it is not matched yet."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.receivables.v1 import receivable_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.forms import ObjectId, PageSize, PageToken, Reason, reasons_of, time_text

STATES = {value: name.removeprefix("RECEIVABLE_STATE_") for name, value in pb.ReceivableState.items()}


class Receivable(BaseModel):
    """One receivable; amounts in fen."""

    receivable_id: str
    state: str
    buyer_uscc: str
    supplier_uscc: str
    supplier_name: str
    invoice_number: str
    issue_date: str
    due_date: str
    amount_fen: int
    certificated_fen: int
    redeemed_fen: int
    credited_fen: int
    confirmed_at: str
    reasons: list[Reason]


class Receivables(BaseModel):
    """A page of receivables."""

    receivables: list[Receivable]
    next_page_token: str


class ReceivablesScreen(Screen):
    """GET /api/v1/receivables"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Receivables]:
        """My receivables.

        Tags: supplier
        """
        page = await self.hub.receivables.list().page(page_token=page_token, page_size=page_size)
        shown = [receivable_of(item) for item in page.items]
        return answer(Receivables(receivables=shown, next_page_token=page.next_page_token))


class ReceivableScreen(Screen):
    """GET /api/v1/receivables/{receivable_id}"""

    async def get(self, receivable_id: ObjectId, /) -> r200[Receivable]:
        """One of my receivables.

        Tags: supplier
        """
        return answer(receivable_of(await self.hub.receivables.get(receivable_id)))


def receivable_of(item: pb.Receivable) -> Receivable:
    """A receivable as a screen shows it."""
    return Receivable(
        receivable_id=item.receivable_id,
        state=STATES[item.state],
        buyer_uscc=item.buyer_uscc,
        supplier_uscc=item.supplier_uscc,
        supplier_name=item.supplier_name,
        invoice_number=item.invoice_number,
        issue_date=item.issue_date,
        due_date=item.due_date,
        amount_fen=item.amount.amount_fen,
        certificated_fen=item.certificated_amount.amount_fen,
        redeemed_fen=item.redeemed_amount.amount_fen,
        credited_fen=item.credited_amount.amount_fen,
        confirmed_at=time_text(item.confirmed_time),
        reasons=reasons_of(item.reasons),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/receivables", ReceivablesScreen),
        web.view("/api/v1/receivables/{receivable_id}", ReceivableScreen),
    ]
