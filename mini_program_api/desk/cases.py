"""Differences between the books and others' ledgers: one operator says what one is, another decides."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.accounting.v1 import reconciliation_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.desk.forms import Said
from mini_program_api.forms import Form, ObjectId, PageSize, PageToken, time_text

STATES = {value: name.removeprefix("CASE_STATE_") for name, value in pb.CaseState.items()}
RESOLUTIONS = {value: name.removeprefix("CASE_RESOLUTION_") for name, value in pb.CaseResolution.items()}
JournalId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


class CaseProposalForm(Form):
    """What the difference is: MATCHED with journals, COMPENSATED against an account, or NOTED."""

    case_id: ObjectId
    resolution: Literal["MATCHED", "COMPENSATED", "NOTED"]
    journal_ids: Annotated[tuple[JournalId, ...], Field(max_length=100)] = ()
    contra: Literal["UNSPECIFIED", "CLEARING", "FEE_EXPENSE", "FEE_INCOME", "DEPOSIT"] = "UNSPECIFIED"
    party_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    reason: Said


class CaseDecisionForm(Form):
    """Carry out what another proposed, or open the case again."""

    case_id: ObjectId
    approve: bool
    note: Said


class Case(BaseModel):
    """One difference; amounts in fen, above 0 for money in."""

    case_id: str
    source: str
    kind: str
    state: str
    reason: str
    account_id: str
    item_id: str
    item_date: str
    amount_fen: int
    candidate_ids: list[str]
    resolution: str
    proposal_reason: str
    proposed_by: str
    decided_by: str
    opened_at: str


class Cases(BaseModel):
    """A page of differences, newest first."""

    cases: list[Case]
    next_page_token: str


class CasesScreen(Screen):
    """GET /api/v1/desk/cases"""

    async def get(
        self,
        state: Literal["UNSPECIFIED", "OPEN", "PROPOSED", "CLOSED"] = "UNSPECIFIED",
        page_token: PageToken = "",
        page_size: PageSize = 50,
    ) -> r200[Cases]:
        """Differences.

        Tags: desk
        """
        listed = self.hub.reconciliation.cases(pb.CaseState.Value(f"CASE_STATE_{state}"))
        page = await listed.page(page_token=page_token, page_size=page_size)
        return answer(Cases(cases=[_case(one) for one in page.items], next_page_token=page.next_page_token))


class CaseProposalScreen(Screen):
    """POST /api/v1/desk/cases/proposals"""

    async def post(self, body: CaseProposalForm) -> r200[Case]:
        """Say what a difference is.

        Tags: desk
        """
        call = self.call()
        proposal = pb.CaseProposal(
            resolution=pb.CaseResolution.Value(f"CASE_RESOLUTION_{body.resolution}"),
            journal_ids=body.journal_ids,
            contra=pb.ContraAccount.Value(f"CONTRA_ACCOUNT_{body.contra}"),
            party_id=body.party_id,
            reason=body.reason,
        )
        return answer(_case(await self.hub.reconciliation.propose(body.case_id, proposal, call=call)), call)


class CaseDecisionScreen(Screen):
    """POST /api/v1/desk/cases/decisions"""

    async def post(self, body: CaseDecisionForm) -> r200[Case]:
        """Carry out what another operator proposed, or open the case again.

        Tags: desk
        """
        call = self.call()
        decided = await self.hub.reconciliation.decide(body.case_id, body.note, approve=body.approve, call=call)
        return answer(_case(decided), call)


def _case(one: pb.ReconciliationCase) -> Case:
    return Case(
        case_id=one.case_id,
        source=pb.CaseSource.Name(one.source).removeprefix("CASE_SOURCE_"),
        kind=pb.CaseKind.Name(one.kind).removeprefix("CASE_KIND_"),
        state=STATES[one.state],
        reason=one.reason,
        account_id=one.account_id,
        item_id=one.item_id,
        item_date=one.item_date,
        amount_fen=one.amount_fen,
        candidate_ids=[*one.candidate_ids],
        resolution=RESOLUTIONS[one.resolution or one.proposal.resolution],
        proposal_reason=one.proposal.reason,
        proposed_by=one.proposed_by,
        decided_by=one.decided_by,
        opened_at=time_text(one.open_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/desk/cases", CasesScreen),
        web.view("/api/v1/desk/cases/proposals", CaseProposalScreen),
        web.view("/api/v1/desk/cases/decisions", CaseDecisionScreen),
    ]
