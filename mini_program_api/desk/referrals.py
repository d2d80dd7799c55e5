"""Applications that wait for persons: one decides, or proposes where two are needed."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import referral_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.desk.forms import Decision, Waiting
from mini_program_api.forms import ObjectId, PageSize, PageToken, reasons_of, time_text

STATES = {value: name.removeprefix("REFERRAL_STATE_") for name, value in pb.ReferralState.items()}


class Referral(Waiting):
    """One application, decided by one person or by two."""

    application_id: str
    product_id: str
    applicant_uscc: str
    amount_fen: int
    state: str
    needs_two: bool
    decided_by: str
    decided_reason: str
    created_at: str


class Referrals(BaseModel):
    """A page of applications, newest first."""

    referrals: list[Referral]
    next_page_token: str


class ReferralsScreen(Screen):
    """GET /api/v1/desk/referrals"""

    async def get(
        self, only_open: bool = True, page_token: PageToken = "", page_size: PageSize = 50
    ) -> r200[Referrals]:
        """What waits for a person.

        Tags: desk
        """
        listed = self.hub.referrals.list(only_open=only_open)
        page = await listed.page(page_token=page_token, page_size=page_size)
        shown = [_referral(one) for one in page.items]
        return answer(Referrals(referrals=shown, next_page_token=page.next_page_token))


class DecisionScreen(Screen):
    """POST /api/v1/desk/referrals/{application_id}/decision"""

    async def post(self, application_id: ObjectId, /, body: Decision) -> r200[Referral]:
        """Say yes or no; where two persons are needed the first word is a proposal.

        Tags: desk
        """
        call = self.call()
        said = await self.hub.referrals.decide(application_id, body.reason, approve=body.approve, call=call)
        return answer(_referral(said), call)


def _referral(one: pb.Referral) -> Referral:
    return Referral(
        application_id=one.application_id,
        product_id=one.product_id,
        applicant_uscc=one.applicant_uscc,
        amount_fen=one.amount.amount_fen,
        reasons=reasons_of(one.reasons),
        state=STATES[one.state],
        needs_two=one.needs_two,
        proposed_by=one.proposed_by,
        proposal=one.proposal,
        proposal_reason=one.proposal_reason,
        decided_by=one.decided_by,
        decided_reason=one.decided_reason,
        created_at=time_text(one.create_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/desk/referrals", ReferralsScreen),
        web.view("/api/v1/desk/referrals/{application_id}/decision", DecisionScreen),
    ]
