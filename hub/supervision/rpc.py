"""huilian.supervision.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.supervision.v1 import supervision_service_pb2 as pb
from huilian.supervision.v1 import supervision_service_pb2_grpc

from hub.exchange.service import RefusedCell, Volume
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.supervision.service import LEAST_COUNT, Question, SupervisionService
from hub.supervision.store import QueryRow


class SupervisionServicer(supervision_service_pb2_grpc.SupervisionServiceServicer):
    """Serves supervisors, and everybody the log of what they asked."""

    def __init__(self, service: SupervisionService, idempotency: Idempotency) -> None:
        self._service, self._idempotency = service, idempotency

    async def GetAccessVolumes(self, request: pb.GetAccessVolumesRequest, context: Any) -> pb.GetAccessVolumesResponse:
        """Aggregates."""
        asked = Question(current_caller().id, request.request_id)

        async def use_case() -> pb.GetAccessVolumesResponse:
            volumes = await self._service.volumes(asked, request.from_day, request.to_day, request.agency_id)
            return pb.GetAccessVolumesResponse(
                volumes=[_volume(volume) for volume in volumes],
                least_count=LEAST_COUNT,
                query_record_id=asked.record_id,
            )

        return await self._idempotency.run("GetAccessVolumes", request, pb.GetAccessVolumesResponse, use_case)

    async def CountSubjectAccesses(
        self, request: pb.CountSubjectAccessesRequest, context: Any
    ) -> pb.CountSubjectAccessesResponse:
        """One person's counts."""
        asked = Question(current_caller().id, request.request_id)

        async def use_case() -> pb.CountSubjectAccessesResponse:
            counts = await self._service.count_subject(asked, request.subject, request.case_reference)
            made = [
                pb.SubjectAccessCount(agency_id=agency, outcome=outcome, count=count)
                for (agency, outcome), count in sorted(counts.items())
            ]
            return pb.CountSubjectAccessesResponse(counts=made, query_record_id=asked.record_id)

        response_type = pb.CountSubjectAccessesResponse
        # The remembered answer is about the person, so it goes under the person's key.
        return await self._idempotency.run(
            "CountSubjectAccesses", request, response_type, use_case, about=request.subject
        )

    async def GetRefusedCalls(self, request: pb.GetRefusedCallsRequest, context: Any) -> pb.GetRefusedCallsResponse:
        """Who tried what."""
        asked = Question(current_caller().id, request.request_id)

        async def use_case() -> pb.GetRefusedCallsResponse:
            cells = await self._service.refused_calls(asked, request.from_day, request.to_day)
            return pb.GetRefusedCallsResponse(
                refused_calls=[_refused(cell) for cell in cells], query_record_id=asked.record_id
            )

        return await self._idempotency.run("GetRefusedCalls", request, pb.GetRefusedCallsResponse, use_case)

    async def ListSupervisionQueries(
        self, request: pb.ListSupervisionQueriesRequest, context: Any
    ) -> pb.ListSupervisionQueriesResponse:
        """The public log."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.queries(request.page.page_token, size)
        return pb.ListSupervisionQueriesResponse(
            queries=[_query(row) for row in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )


def _volume(volume: Volume) -> pb.AccessVolume:
    withheld = volume.count < LEAST_COUNT
    return pb.AccessVolume(
        day=volume.day,
        agency_id=volume.agency,
        dataset_id=volume.dataset,
        purpose_code=volume.purpose,
        outcome=volume.outcome,
        count=0 if withheld else volume.count,
        is_withheld=withheld,
    )


def _refused(cell: RefusedCell) -> pb.RefusedCalls:
    return pb.RefusedCalls(
        day=cell.day,
        caller_id=cell.caller,
        caller_role=cell.role,
        wanted=cell.wanted,
        outcome=cell.outcome,
        count=cell.times,
    )


def _query(row: QueryRow) -> pb.SupervisionQuery:
    message = pb.SupervisionQuery(
        query_record_id=row.record_id,
        supervisor_id=row.supervisor,
        question=row.question,
        parameters=row.parameters,
    )
    message.asked_time.FromDatetime(row.created_at)
    return message
