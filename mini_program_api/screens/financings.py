"""Financing a certificate: what it costs, apply, accept, be paid today."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import financing_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId, PageSize, PageToken, Reason, reasons_of, time_text

STATES = {value: name.removeprefix("FINANCING_STATE_") for name, value in pb.FinancingState.items()}


class FinancingForm(Form):
    """What to finance; an amount of 0 asks for the most that the product gives."""

    financing_id: ObjectId
    certificate_id: ObjectId
    amount_fen: int = Field(default=0, ge=0, le=10**15, strict=True)


class Quote(BaseModel):
    """A price in full: amounts in fen, rates as decimals in text."""

    product_id: str
    principal_fen: int
    interest_fen: int
    fee_fen: int
    total_due_fen: int
    annual_rate: str
    apr: str
    value_date: str
    due_date: str


class Financing(BaseModel):
    """One application."""

    financing_id: str
    state: str
    certificate_id: str
    applicant_uscc: str
    quote: Quote
    reasons: list[Reason]
    loan_id: str
    offer_expires_at: str


class Financings(BaseModel):
    """A page of applications."""

    financings: list[Financing]
    next_page_token: str


class QuoteScreen(Screen):
    """GET /api/v1/certificates/{certificate_id}/quote"""

    async def get(self, certificate_id: ObjectId, /) -> r200[Quote]:
        """What financing this certificate would cost. Nothing is blocked.

        Tags: supplier
        """
        return answer(quote_of(await self.hub.financing.quote(certificate_id)))


class FinancingsScreen(Screen):
    """/api/v1/financings"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Financings]:
        """My applications.

        Tags: supplier
        """
        page = await self.hub.financing.list().page(page_token=page_token, page_size=page_size)
        shown = [financing_of(item) for item in page.items]
        return answer(Financings(financings=shown, next_page_token=page.next_page_token))

    async def post(self, body: FinancingForm) -> r201[Financing]:
        """Apply. The answer is an offer or a rejection, each with its reasons.

        Tags: supplier
        """
        call = self.call()
        made = await self.hub.financing.apply(
            body.certificate_id, amount_fen=body.amount_fen, financing_id=body.financing_id, call=call
        )
        return answer(financing_of(made), call, status=201)


class FinancingScreen(Screen):
    """GET /api/v1/financings/{financing_id}"""

    async def get(self, financing_id: ObjectId, /) -> r200[Financing]:
        """One of my applications.

        Tags: supplier
        """
        return answer(financing_of(await self.hub.financing.get(financing_id)))


class AcceptanceScreen(Screen):
    """POST /api/v1/financings/{financing_id}/acceptance"""

    async def post(self, financing_id: ObjectId, /) -> r200[Financing]:
        """Accept the offer. The claim is locked on the chain before the money leaves.

        Tags: supplier
        """
        call = self.call()
        return answer(financing_of(await self.hub.financing.accept(financing_id, call=call)), call)


class WithdrawalScreen(Screen):
    """POST /api/v1/financings/{financing_id}/withdrawal"""

    async def post(self, financing_id: ObjectId, /) -> r200[Financing]:
        """Withdraw. What the application blocked is free again.

        Tags: supplier
        """
        call = self.call()
        return answer(financing_of(await self.hub.financing.withdraw(financing_id, call=call)), call)


def quote_of(item: pb.Quote) -> Quote:
    """A price as a screen shows it."""
    return Quote(
        product_id=item.product_id,
        principal_fen=item.principal.amount_fen,
        interest_fen=item.interest.amount_fen,
        fee_fen=item.fee.amount_fen,
        total_due_fen=item.total_due.amount_fen,
        annual_rate=item.annual_rate,
        apr=item.apr,
        value_date=item.value_date,
        due_date=item.due_date,
    )


def financing_of(item: pb.Financing) -> Financing:
    """An application as a screen shows it."""
    return Financing(
        financing_id=item.financing_id,
        state=STATES[item.state],
        certificate_id=item.certificate_id,
        applicant_uscc=item.applicant_uscc,
        quote=quote_of(item.quote),
        reasons=reasons_of(item.reasons),
        loan_id=item.loan_id,
        offer_expires_at=time_text(item.offer_expire_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/financings/{financing_id}"
    return [
        web.view("/api/v1/certificates/{certificate_id}/quote", QuoteScreen),
        web.view("/api/v1/financings", FinancingsScreen),
        web.view(one, FinancingScreen),
        web.view(f"{one}/acceptance", AcceptanceScreen),
        web.view(f"{one}/withdrawal", WithdrawalScreen),
    ]
