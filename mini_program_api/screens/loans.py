"""My loans: what is owed to the day, repay any part any time, pay off to the fen."""

from __future__ import annotations

from datetime import date

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import loan_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Fen, Form, ObjectId, PageSize, PageToken

STATES = {value: name.removeprefix("LOAN_STATE_") for name, value in pb.LoanState.items()}


class AmountForm(Form):
    """An amount in fen."""

    amount_fen: Fen


class LoanEvent(BaseModel):
    """Something that happened to a loan on a day."""

    event_id: str
    kind: str
    value_date: str
    amount_fen: int
    principal_part_fen: int
    interest_part_fen: int


class Loan(BaseModel):
    """A loan as of today."""

    loan_id: str
    state: str
    product_id: str
    limit_fen: int
    outstanding_principal_fen: int
    accrued_interest_fen: int
    annual_rate: str
    due_date: str
    events: list[LoanEvent]


class Loans(BaseModel):
    """A page of loans."""

    loans: list[Loan]
    next_page_token: str


class Payoff(BaseModel):
    """What closes the loan on that day, to the fen."""

    principal_fen: int
    interest_fen: int
    total_fen: int
    as_of: str


class LoansScreen(Screen):
    """GET /api/v1/loans"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Loans]:
        """My loans.

        Tags: citizen
        """
        page = await self.hub.loans.list().page(page_token=page_token, page_size=page_size)
        return answer(Loans(loans=[loan_of(item) for item in page.items], next_page_token=page.next_page_token))


class LoanScreen(Screen):
    """GET /api/v1/loans/{loan_id}"""

    async def get(self, loan_id: ObjectId, /) -> r200[Loan]:
        """One of my loans with everything that happened to it.

        Tags: citizen
        """
        return answer(loan_of(await self.hub.loans.get(loan_id)))


class DrawScreen(Screen):
    """POST /api/v1/loans/{loan_id}/draws"""

    async def post(self, loan_id: ObjectId, /, body: AmountForm) -> r200[Loan]:
        """Draw again within the limit.

        Tags: citizen
        """
        call = self.call()
        return answer(loan_of(await self.hub.loans.draw(loan_id, body.amount_fen, call=call)), call)


class RepaymentScreen(Screen):
    """POST /api/v1/loans/{loan_id}/repayments"""

    async def post(self, loan_id: ObjectId, /, body: AmountForm) -> r200[Loan]:
        """Repay a part or all of it.

        Tags: citizen
        """
        call = self.call()
        return answer(loan_of(await self.hub.loans.repay(loan_id, body.amount_fen, call=call)), call)


class PayoffScreen(Screen):
    """GET /api/v1/loans/{loan_id}/payoff"""

    async def get(self, loan_id: ObjectId, /, as_of: date | None = None) -> r200[Payoff]:
        """What closes the loan, today or on another day.

        Tags: citizen
        """
        quote = await self.hub.loans.payoff(loan_id, as_of=as_of)
        return answer(
            Payoff(
                principal_fen=quote.principal.amount_fen,
                interest_fen=quote.interest.amount_fen,
                total_fen=quote.total.amount_fen,
                as_of=quote.as_of_date,
            )
        )


def loan_of(item: pb.Loan) -> Loan:
    """A loan as a screen shows it."""
    return Loan(
        loan_id=item.loan_id,
        state=STATES[item.state],
        product_id=item.product_id,
        limit_fen=item.limit.amount_fen,
        outstanding_principal_fen=item.outstanding_principal.amount_fen,
        accrued_interest_fen=item.accrued_interest.amount_fen,
        annual_rate=item.annual_rate,
        due_date=item.due_date,
        events=[_event(event) for event in item.events],
    )


def _event(item: pb.LoanEvent) -> LoanEvent:
    return LoanEvent(
        event_id=item.event_id,
        kind=item.kind,
        value_date=item.value_date,
        amount_fen=item.amount.amount_fen,
        principal_part_fen=item.principal_part.amount_fen,
        interest_part_fen=item.interest_part.amount_fen,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/loans/{loan_id}"
    return [
        web.view("/api/v1/loans", LoansScreen),
        web.view(one, LoanScreen),
        web.view(f"{one}/draws", DrawScreen),
        web.view(f"{one}/repayments", RepaymentScreen),
        web.view(f"{one}/payoff", PayoffScreen),
    ]
