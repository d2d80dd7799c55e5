"""The credit desk of huilian.lending.v1 on the wire: products, limits, exposure, decisions."""

from __future__ import annotations

from datetime import date
from typing import Any

from huilian.lending.v1 import credit_service_pb2 as pb
from huilian.lending.v1 import credit_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.limits.desk import Dimension
from hub.lending.limits.exposure import report
from hub.lending.messages import money
from hub.lending.messages_credit import counts_message, exposure_message, product_message, replay_message
from hub.lending.products.definitions import newest_of
from hub.lending.service import LendingService
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency


class CreditServicer(credit_service_pb2_grpc.CreditServiceServicer):
    """Serves the products to everybody, and the desk to operators and supervisors."""

    def __init__(self, service: LendingService, idempotency: Idempotency, clock: Clock) -> None:
        self._service, self._idempotency, self._clock = service, idempotency, clock

    async def ListProducts(self, request: pb.ListProductsRequest, context: Any) -> pb.ListProductsResponse:
        """Every version of every product."""
        versions, tables = self._service.product_versions, self._service.tables
        offered = newest_of(versions)
        made = [product_message(one, tables, on_offer=offered[one.product_id] is one) for one in versions]
        return pb.ListProductsResponse(products=made)

    async def SetLimit(self, request: pb.SetLimitRequest, context: Any) -> pb.SetLimitResponse:
        """Set a limit over many parties or products."""

        async def use_case() -> pb.SetLimitResponse:
            dimension = Dimension(pb.LimitDimension.Name(request.dimension).removeprefix("LIMIT_DIMENSION_"))
            limit = await self._service.limits.set_shared(dimension, request.party, request.limit_fen)
            return pb.SetLimitResponse(available=money(limit.available_fen))

        return await self._idempotency.run("SetLimit", request, pb.SetLimitResponse, use_case)

    async def SetEnterpriseGroup(
        self, request: pb.SetEnterpriseGroupRequest, context: Any
    ) -> pb.SetEnterpriseGroupResponse:
        """Register a membership."""

        async def use_case() -> pb.SetEnterpriseGroupResponse:
            await self._service.limits.join_group(request.enterprise_uscc, request.group_id or None)
            return pb.SetEnterpriseGroupResponse()

        return await self._idempotency.run("SetEnterpriseGroup", request, pb.SetEnterpriseGroupResponse, use_case)

    async def GetExposure(self, request: pb.GetExposureRequest, context: Any) -> pb.GetExposureResponse:
        """What is used of every limit, now."""
        names_all = current_caller().role is Role.OPERATOR
        lines = report(await self._service.limits.exposures(), names_all=names_all)
        answer = pb.GetExposureResponse(lines=[exposure_message(line) for line in lines])
        answer.as_of_time.FromDatetime(self._clock.now())
        return answer

    async def GetDecisionReport(
        self, request: pb.GetDecisionReportRequest, context: Any
    ) -> pb.GetDecisionReportResponse:
        """How decisions of a period were made."""
        first, last = _day(request.from_day, "from_day"), _day(request.to_day, "to_day")
        counts = await self._service.decisions.report(first, last)
        return pb.GetDecisionReportResponse(tables=[counts_message(one, self._service.tables) for one in counts])

    async def ReplayDecision(self, request: pb.ReplayDecisionRequest, context: Any) -> pb.ReplayDecisionResponse:
        """A past decision again."""
        return replay_message(await self._service.decisions.again(request.decision_id))


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
