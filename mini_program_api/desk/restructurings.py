"""A loan that does not run its course is offered other terms, which its borrower has to sign."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.lending.v1 import workout_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId
from mini_program_api.screens.loans import Loan, loan_of
from mini_program_api.screens.restructurings import Restructuring, restructuring_of


class OfferForm(Form):
    """Other due dates and another rate for the principal that is left; `annual_rate` is a fraction as a text.

    A BULLET has neither `first_due_date` nor `every_months`, every other plan has both.
    """

    annual_rate: Annotated[str, Field(pattern=r"^0(\.[0-9]{1,8})?$")]
    due_date: date
    plan: Literal["BULLET", "EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"]
    first_due_date: date | None = None
    every_months: Annotated[int, Field(ge=0, le=12, strict=True)] = 0


class LoanCase(BaseModel):
    """Anybody's loan, and what its borrower was offered, the newest first."""

    loan: Loan
    restructurings: list[Restructuring]


class LoanCaseScreen(Screen):
    """GET /api/v1/desk/loans/{loan_id}"""

    async def get(self, loan_id: ObjectId, /) -> r200[LoanCase]:
        """A loan as of today.

        Tags: desk
        """
        loan, offers = await self.hub.workouts.get(loan_id), await self.hub.loans.restructurings(loan_id)
        return answer(LoanCase(loan=loan_of(loan), restructurings=[restructuring_of(one) for one in offers]))


class OffersScreen(Screen):
    """POST /api/v1/desk/loans/{loan_id}/restructurings"""

    async def post(self, loan_id: ObjectId, /, body: OfferForm) -> r201[Restructuring]:
        """Offer other terms. Nothing changes before the borrower signs; an offer not yet signed gives way.

        Tags: desk
        """
        call = self.call()
        plan = pb.RepaymentPlan(
            kind=body.plan.lower(),
            first_due_date=body.first_due_date.isoformat() if body.first_due_date else "",
            every_months=body.every_months,
        )
        offered = await self.hub.workouts.restructure(
            loan_id, annual_rate=Decimal(body.annual_rate), due_date=body.due_date, plan=plan, call=call
        )
        return answer(restructuring_of(offered), call, status=201)


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/desk/loans/{loan_id}"
    return [web.view(one, LoanCaseScreen), web.view(f"{one}/restructurings", OffersScreen)]
