"""Products for everybody, limits, exposure and decisions for the bank's staff: ``hub.credit``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from huilian.lending.v1 import credit_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.lending.v1.CreditService"


@dataclass(frozen=True, slots=True)
class Credit:
    """What the bank offers, how much it has lent to whom, and how it decided. Amounts are fen."""

    calls: Calls

    async def products(self, *, call: Call | None = None) -> Sequence[pb.Product]:
        """Every version of every product; new applications get those that are on offer."""
        return (await self.calls.unary(_SERVICE, pb.ListProductsRequest(), pb.ListProductsResponse, call)).products

    async def set_limit(self, dimension: str, party: str, limit_fen: int, *, call: Call | None = None) -> int:
        """Set a limit of "SUPPLIER", "BUYER", "GROUP" or "PRODUCT"; what is left of it, in fen."""
        value = pb.LimitDimension.Value(f"LIMIT_DIMENSION_{dimension}")
        request = pb.SetLimitRequest(dimension=value, party=party, limit_fen=limit_fen)
        return (await self.calls.unary(_SERVICE, request, pb.SetLimitResponse, call)).available.amount_fen

    async def set_group(self, enterprise_uscc: str, group_id: str, *, call: Call | None = None) -> None:
        """Register to which group an enterprise belongs ("": to none)."""
        request = pb.SetEnterpriseGroupRequest(enterprise_uscc=enterprise_uscc, group_id=group_id)
        await self.calls.unary(_SERVICE, request, pb.SetEnterpriseGroupResponse, call)

    async def exposure(self, *, call: Call | None = None) -> pb.GetExposureResponse:
        """What is blocked and utilised of every limit, at one moment."""
        return await self.calls.unary(_SERVICE, pb.GetExposureRequest(), pb.GetExposureResponse, call)

    async def decisions(self, from_day: date, to_day: date, *, call: Call | None = None) -> Sequence[pb.DecisionCounts]:
        """How decisions from ``from_day`` to ``to_day`` were made, per table."""
        request = pb.GetDecisionReportRequest(from_day=from_day.isoformat(), to_day=to_day.isoformat())
        return (await self.calls.unary(_SERVICE, request, pb.GetDecisionReportResponse, call)).tables

    async def replay(self, decision_id: str, *, call: Call | None = None) -> pb.ReplayDecisionResponse:
        """A past decision again, under its own table and under the newest."""
        request = pb.ReplayDecisionRequest(decision_id=decision_id)
        return await self.calls.unary(_SERVICE, request, pb.ReplayDecisionResponse, call)
