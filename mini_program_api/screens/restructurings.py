"""Other terms that the bank offers for a loan: beside the terms that it has, and signed by its borrower."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import workout_service_pb2 as pb
from huilian_protocol.clock import format_time
from huilian_protocol.restructuring import read_restructuring
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import DeviceAssertion, Form, ObjectId, time_text
from mini_program_api.screens.loans import Loan, loan_of

STATES = {value: name.removeprefix("RESTRUCTURING_STATE_") for name, value in pb.RestructuringState.items()}
Ordinal = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DueLine(BaseModel):
    """What falls due on a day when everything is paid in time."""

    due_date: str
    principal_fen: int
    interest_fen: int
    fee_fen: int
    total_fen: int


class Plan(BaseModel):
    """What falls due from a day on, in order; `cost_fen` is its interest and fees, `total_fen` all of it."""

    lines: list[DueLine]
    total_fen: int
    cost_fen: int


class Restructuring(BaseModel):
    """Other terms for a loan, read from the very text that is signed; `challenge` is what a phone signs.

    `former_plan` and `plan` are what falls due without and with them, as of today or of the day of signing. Both are
    empty once the offer was replaced or ran out, `plan` also where it cannot be signed any more.
    """

    number: int
    state: str
    principal_fen: int
    annual_rate: str
    due_date: str
    repayment: dict[str, str | int]
    valid_until: str
    signed_at: str
    former_plan: Plan
    plan: Plan
    challenge: str


class Restructurings(BaseModel):
    """What was offered, the newest first."""

    restructurings: list[Restructuring]


class AgreementForm(Form):
    """A person's signature over the challenge."""

    assertion: DeviceAssertion


class RestructuringsScreen(Screen):
    """GET /api/v1/loans/{loan_id}/restructurings"""

    async def get(self, loan_id: ObjectId, /) -> r200[Restructurings]:
        """Other terms that the bank offers for one of my loans. Nothing changes before I sign.

        Tags: citizen
        """
        found = await self.hub.loans.restructurings(loan_id)
        return answer(Restructurings(restructurings=[restructuring_of(item) for item in found]))


class AgreementScreen(Screen):
    """POST /api/v1/loans/{loan_id}/restructurings/{number}/agreement"""

    async def post(self, loan_id: ObjectId, number: Ordinal, /) -> r200[Loan]:
        """Agree to other terms for my enterprise, one of whose signers gave a mandate over the challenge.

        Tags: supplier
        """
        call = self.call()
        return answer(loan_of(await self.hub.loans.sign_restructuring(loan_id, number, call=call)), call)


class TermsSignatureScreen(Screen):
    """POST /api/v1/loans/{loan_id}/restructurings/{number}/signature"""

    async def post(self, loan_id: ObjectId, number: Ordinal, /, body: AgreementForm) -> r200[Loan]:
        """Agree to other terms; they take effect at once.

        Tags: citizen
        """
        call = self.call()
        signed = body.assertion.to_assertion()
        return answer(loan_of(await self.hub.loans.sign_restructuring(loan_id, number, signed, call=call)), call)


def restructuring_of(item: pb.Restructuring) -> Restructuring:
    """An offer as a screen shows it."""
    terms = read_restructuring(item.terms)
    return Restructuring(
        number=terms.number,
        state=STATES[item.state],
        principal_fen=terms.principal_fen,
        annual_rate=terms.annual_rate,
        due_date=terms.due_date.isoformat(),
        repayment=dict(terms.repayment),
        valid_until=format_time(terms.valid_until),
        signed_at=time_text(item.signed_time),
        former_plan=_plan(item.former_schedule),
        plan=_plan(item.schedule),
        challenge=terms.act_id,
    )


def _plan(schedule: Iterable[financing_pb.DueLine]) -> Plan:
    lines = [
        DueLine(
            due_date=line.due_date,
            principal_fen=line.principal.amount_fen,
            interest_fen=line.interest.amount_fen,
            fee_fen=line.fee.amount_fen,
            total_fen=line.total.amount_fen,
        )
        for line in schedule
    ]
    total_fen = sum(line.total_fen for line in lines)
    return Plan(lines=lines, total_fen=total_fen, cost_fen=total_fen - sum(line.principal_fen for line in lines))


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    base = "/api/v1/loans/{loan_id}/restructurings"
    return [
        web.view(base, RestructuringsScreen),
        web.view(f"{base}/{{number}}/signature", TermsSignatureScreen),
        web.view(f"{base}/{{number}}/agreement", AgreementScreen),
    ]
