"""What supervisors may ask, and the public log of what they asked: ``hub.supervision``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian.common.v1 import common_pb2
from huilian.supervision.v1 import supervision_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.supervision.v1.SupervisionService"


@dataclass(frozen=True, slots=True)
class Supervision:
    """Aggregates without personal data. Every question is recorded in the hub's log."""

    calls: Calls

    async def access_volumes(
        self, from_day: date, to_day: date, agency_id: str = "", *, call: Call | None = None
    ) -> pb.GetAccessVolumesResponse:
        """Reads per day in China, agency, dataset, purpose and outcome; both days included, small numbers withheld."""
        request = pb.GetAccessVolumesRequest(
            from_day=from_day.isoformat(), to_day=to_day.isoformat(), agency_id=agency_id
        )
        return await self.calls.unary(_SERVICE, request, pb.GetAccessVolumesResponse, call)

    async def count_subject_accesses(
        self, subject: str, case_reference: str, *, call: Call | None = None
    ) -> pb.CountSubjectAccessesResponse:
        """How often one person's data were asked for; the person is told of the question."""
        request = pb.CountSubjectAccessesRequest(subject=subject, case_reference=case_reference)
        return await self.calls.unary(_SERVICE, request, pb.CountSubjectAccessesResponse, call)

    async def refused_calls(
        self, from_day: date, to_day: date, *, call: Call | None = None
    ) -> pb.GetRefusedCallsResponse:
        """Calls for data that were refused and name no consent that there is, by day, caller and outcome."""
        request = pb.GetRefusedCallsRequest(from_day=from_day.isoformat(), to_day=to_day.isoformat())
        return await self.calls.unary(_SERVICE, request, pb.GetRefusedCallsResponse, call)

    def queries(self) -> Pages[pb.SupervisionQuery]:
        """Every question that was asked, newest first; for everybody."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.SupervisionQuery], common_pb2.PageResponse]:
            request = pb.ListSupervisionQueriesRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListSupervisionQueriesResponse)
            return list(answer.queries), answer.page

        return Pages(fetch)
