"""What is left to persons, of huilian.lending.v1 on the wire."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import referral_service_pb2 as pb
from huilian.lending.v1 import referral_service_pb2_grpc as pb_grpc

from hub.lending.messages import money, reason_message
from hub.lending.referrals.stored import Referral
from hub.lending.service import LendingService
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class ReferralServicer(pb_grpc.ReferralServiceServicer):
    """Serves operators."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._referrals, self._tables, self._idempotency = service.referrals, service.tables, idempotency

    async def ListReferrals(self, request: pb.ListReferralsRequest, context: Any) -> pb.ListReferralsResponse:
        """The queue."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._referrals.page_of(only_open=request.only_open, size=size, token=request.page.page_token)
        return pb.ListReferralsResponse(
            referrals=[self._message(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def DecideReferral(self, request: pb.DecideReferralRequest, context: Any) -> pb.DecideReferralResponse:
        """One person's word."""

        async def use_case() -> pb.DecideReferralResponse:
            operator, name = current_caller().id, request.application_id
            decided = await self._referrals.decide(operator, name, request.reason, approve=request.approve)
            return pb.DecideReferralResponse(referral=self._message(decided))

        return await self._idempotency.run("DecideReferral", request, pb.DecideReferralResponse, use_case)

    def _message(self, referral: Referral) -> pb.Referral:
        table = referral.product_id
        message = pb.Referral(
            application_id=referral.application_id,
            product_id=referral.product_id,
            applicant_uscc=referral.applicant,
            amount=money(referral.amount_fen),
            decision_id=referral.decision_id,
            reasons=[reason_message(self._tables.explain(table, code)) for code in referral.reason_codes],
            state=pb.ReferralState.Value(f"REFERRAL_STATE_{referral.state}"),
            needs_two=self._referrals.needs_two(referral),
            proposed_by=referral.proposed_by,
            proposal=referral.proposal,
            proposal_reason=referral.proposal_reason,
            decided_by=referral.decided_by,
            decided_reason=referral.decided_reason,
        )
        message.create_time.FromDatetime(referral.created_at)
        return message
