"""Payments of which nobody can tell the end: one operator says what it was, another carries it out."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.convenience.v1 import payment_desk_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.desk.forms import Said
from mini_program_api.forms import Form, PageSize, PageToken, time_text

# It names a person by the pseudonym: in a body, never in a path, which others write down.
PaymentKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}$")]


class ProposalForm(Form):
    """How it ended: SETTLE with what the agency took, or REFUND."""

    payment_key: PaymentKey
    end: Literal["SETTLE", "REFUND"]
    paid_fen: Annotated[int, Field(ge=0, le=10**15, strict=True)] = 0
    receipt_number: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    reason: Said


class PaymentDecisionForm(Form):
    """Carry out what another proposed, or drop it."""

    payment_key: PaymentKey
    approve: bool


class Payment(BaseModel):
    """One payment that is still set aside; `end` is what was proposed."""

    payment_key: str
    agency_id: str
    action_id: str
    reserved_fen: int
    ordered_at: str
    end: str
    paid_fen: int
    reason: str
    proposed_by: str


class Payments(BaseModel):
    """A page of payments, oldest first."""

    payments: list[Payment]
    next_page_token: str


class Ended(BaseModel):
    """What the payment is now."""

    state: int


class PaymentsScreen(Screen):
    """GET /api/v1/desk/payments"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Payments]:
        """What is still set aside.

        Tags: desk
        """
        page = await self.hub.payment_desk.unresolved().page(page_token=page_token, page_size=page_size)
        return answer(Payments(payments=[_payment(one) for one in page.items], next_page_token=page.next_page_token))


class ProposalScreen(Screen):
    """POST /api/v1/desk/payments/proposals"""

    async def post(self, body: ProposalForm) -> r200[Payment]:
        """Say how a payment ended.

        Tags: desk
        """
        call = self.call()
        resolution = pb.PaymentResolution(
            end=pb.PaymentEnd.Value(f"PAYMENT_END_{body.end}"),
            paid_fen=body.paid_fen,
            receipt_number=body.receipt_number,
            reason=body.reason,
        )
        return answer(_payment(await self.hub.payment_desk.propose(body.payment_key, resolution, call=call)), call)


class PaymentDecisionScreen(Screen):
    """POST /api/v1/desk/payments/decisions"""

    async def post(self, body: PaymentDecisionForm) -> r200[Ended]:
        """Carry out what another operator proposed, or drop it.

        Tags: desk
        """
        call = self.call()
        state = await self.hub.payment_desk.decide(body.payment_key, approve=body.approve, call=call)
        return answer(Ended(state=int(state)), call)


def _payment(one: pb.UnresolvedPayment) -> Payment:
    end = pb.PaymentEnd.Name(one.proposal.end).removeprefix("PAYMENT_END_") if one.proposed_by else ""
    return Payment(
        payment_key=one.payment_key,
        agency_id=one.agency_id,
        action_id=one.action_id,
        reserved_fen=one.reserved_fen,
        ordered_at=time_text(one.ordered_time),
        end=end,
        paid_fen=one.proposal.paid_fen,
        reason=one.proposal.reason,
        proposed_by=one.proposed_by,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/desk/payments", PaymentsScreen),
        web.view("/api/v1/desk/payments/proposals", ProposalScreen),
        web.view("/api/v1/desk/payments/decisions", PaymentDecisionScreen),
    ]
