"""What decision tables leave to persons: ``hub.referrals``. For operators."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import referral_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.ReferralService"


@dataclass(frozen=True, slots=True)
class Referrals:
    """Applications for loans on certificates and orders that wait for a person."""

    calls: Calls

    def list(self, *, only_open: bool = True) -> Pages[pb.Referral]:
        """What waits for a person, or with ``only_open=False`` also what did; newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Referral], common_pb2.PageResponse]:
            request = pb.ListReferralsRequest(page=page, only_open=only_open)
            answer = await self.calls.unary(_SERVICE, request, pb.ListReferralsResponse)
            return [*answer.referrals], answer.page

        return Pages(fetch)

    async def decide(self, application_id: str, reason: str, *, approve: bool, call: Call | None = None) -> pb.Referral:
        """Say yes or no; where two persons are needed the first word is a proposal."""
        request = pb.DecideReferralRequest(application_id=application_id, approve=approve, reason=reason)
        return (await self.calls.unary(_SERVICE, request, pb.DecideReferralResponse, call)).referral
