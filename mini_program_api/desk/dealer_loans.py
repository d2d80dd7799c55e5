"""Dealers' applications that wait for persons: always one who proposes and another who decides."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import dealer_loan_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.desk.forms import Decision, Waiting
from mini_program_api.forms import ObjectId, PageSize, PageToken, reasons_of


class DealerReferral(Waiting):
    """One application, always decided by two persons."""

    loan_id: str
    dealer_uscc: str
    core_uscc: str
    limit_fen: int


class DealerReferrals(BaseModel):
    """A page of applications, newest first."""

    dealer_loans: list[DealerReferral]
    next_page_token: str


class DealerReferralsScreen(Screen):
    """GET /api/v1/desk/dealer-loans"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[DealerReferrals]:
        """What waits for a person.

        Tags: desk
        """
        page = await self.hub.dealer_loans.list_referred().page(page_token=page_token, page_size=page_size)
        shown = [_referral(one) for one in page.items]
        return answer(DealerReferrals(dealer_loans=shown, next_page_token=page.next_page_token))


class DealerProposalScreen(Screen):
    """POST /api/v1/desk/dealer-loans/{loan_id}/proposal"""

    async def post(self, loan_id: ObjectId, /, body: Decision) -> r200[DealerReferral]:
        """The first person's word.

        Tags: desk
        """
        call = self.call()
        said = await self.hub.dealer_loans.propose(loan_id, approve=body.approve, reason=body.reason, call=call)
        return answer(_referral(said), call)


class DealerReviewScreen(Screen):
    """POST /api/v1/desk/dealer-loans/{loan_id}/review"""

    async def post(self, loan_id: ObjectId, /, body: Decision) -> r200[DealerReferral]:
        """Another person decides.

        Tags: desk
        """
        call = self.call()
        said = await self.hub.dealer_loans.review(loan_id, approve=body.approve, reason=body.reason, call=call)
        return answer(_referral(said), call)


def _referral(one: pb.DealerLoan) -> DealerReferral:
    return DealerReferral(
        loan_id=one.loan_id,
        dealer_uscc=one.dealer_uscc,
        core_uscc=one.core_uscc,
        limit_fen=one.limit.amount_fen,
        reasons=reasons_of(one.reasons),
        proposed_by=one.review.proposed_by,
        proposal=one.review.proposal,
        proposal_reason=one.review.proposal_reason,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    base = "/api/v1/desk/dealer-loans"
    return [
        web.view(base, DealerReferralsScreen),
        web.view(f"{base}/{{loan_id}}/proposal", DealerProposalScreen),
        web.view(f"{base}/{{loan_id}}/review", DealerReviewScreen),
    ]
