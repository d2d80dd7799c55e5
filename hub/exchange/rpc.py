"""huilian.exchange.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian.exchange.v1 import exchange_service_pb2_grpc
from huilian_protocol.artefact import Period
from huilian_protocol.errors import HuilianError

from hub.exchange.catalogue import Catalogue
from hub.exchange.many import DEFAULT_DEADLINE_S, Part
from hub.exchange.rules import Read
from hub.exchange.service import Action, Delivery, ExchangeService
from hub.exchange.status_messages import status_message
from hub.ledger.service import StoredRecord
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import id_token

DEFAULT_PAGE_SIZE = 50
# The longest id of what is listed.
ID_LENGTH = 160


class ExchangeServicer(exchange_service_pb2_grpc.ExchangeServiceServicer):
    """Serves the data catalogue, consented reads and the access log to the persons they are about."""

    def __init__(self, service: ExchangeService, idempotency: Idempotency) -> None:
        self._service, self._idempotency = service, idempotency

    async def ListDatasets(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        """What every connector offers, and the keys that identities are sealed to."""
        described = await self._service.catalogue.descriptions()
        return pb.ListDatasetsResponse(
            datasets=[dataset for said in described for dataset in said.datasets],
            agencies=[_agency(said) for said in described],
            missing_agency_ids=self._service.catalogue.missing(),
            actions=[action for said in described for action in said.actions],
        )

    async def FetchDataset(self, request: pb.FetchDatasetRequest, context: Any) -> pb.FetchDatasetResponse:
        """One read; the exchange itself gives a repeated request id its first answer."""
        delivery = await self._service.fetch(current_caller().id, _read(request))
        return pb.FetchDatasetResponse(envelope=delivery.envelope, access_record_id=delivery.access_record_id)

    async def FetchDatasets(self, request: pb.FetchDatasetsRequest, context: Any) -> pb.FetchDatasetsResponse:
        """Several reads; a source that fails is named with whose fault it is, and takes nothing from the others."""
        reads = [_part(request, wanted) for wanted in request.reads]
        deadline_s = request.deadline_ms / 1_000 or DEFAULT_DEADLINE_S
        caller, many = current_caller().id, self._service.many
        parts = await many.fetch(caller, request.request_id, request.consent_id, reads, deadline_s)
        return pb.FetchDatasetsResponse(
            answers=[_answer(part, self._service.catalogue) for part in parts],
            complete=all(isinstance(part.outcome, Delivery) for part in parts),
        )

    async def PerformAction(self, request: pb.PerformActionRequest, context: Any) -> pb.PerformActionResponse:
        """One action; the exchange itself gives a repeated request id its first answer."""
        wanted = Action(request.request_id, request.consent_id, request.action_id, request.sealed_parameters)
        done = await self._service.actions.perform(current_caller().id, wanted)
        return pb.PerformActionResponse(
            outcome=done.outcome, access_record_id=done.access_record_id, envelope=done.envelope
        )

    async def GetServiceStatus(self, request: pb.GetServiceStatusRequest, context: Any) -> pb.GetServiceStatusResponse:
        """How every dataset and field is doing."""
        statuses = await self._service.board.datasets()
        answer = pb.GetServiceStatusResponse(
            datasets=[status_message(each) for each in statuses], missing_agency_ids=self._service.board.missing()
        )
        answer.as_of_time.FromDatetime(self._service.board.clock.now())
        return answer

    async def ListAccessRecords(
        self, request: pb.ListAccessRecordsRequest, context: Any
    ) -> pb.ListAccessRecordsResponse:
        """Who read the caller's data, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.access_records(
            current_caller().id, id_token(request.page.page_token, ID_LENGTH), size
        )
        return pb.ListAccessRecordsResponse(
            access_records=[_record(record) for record in page.records],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def IssueAccessStatement(
        self, request: pb.IssueAccessStatementRequest, context: Any
    ) -> pb.IssueAccessStatementResponse:
        """A logged statement about the caller's records in a period."""
        until = request.to_time.ToDatetime(UTC) if request.HasField("to_time") else None

        async def use_case() -> pb.IssueAccessStatementResponse:
            statement_id, statement = await self._service.statements.issue(
                current_caller().id, request.request_id, request.from_time.ToDatetime(UTC), until
            )
            return pb.IssueAccessStatementResponse(statement_id=statement_id, record_count=statement.count)

        response_type = pb.IssueAccessStatementResponse
        return await self._idempotency.run("IssueAccessStatement", request, response_type, use_case)

    async def ExportAccessRecords(
        self, request: pb.ExportAccessRecordsRequest, context: Any
    ) -> pb.ExportAccessRecordsResponse:
        """The file that proves a period complete."""
        export = await self._service.statements.export(current_caller().id, request.statement_id)
        return pb.ExportAccessRecordsResponse(export=export)


def _read(request: pb.FetchDatasetRequest) -> Read:
    return Read(
        request_id=request.request_id,
        consent_id=request.consent_id,
        dataset=request.dataset_id,
        fields=tuple(sorted(request.fields)),
        period=Period(request.period.from_month, request.period.to_month),
    )


def _part(request: pb.FetchDatasetsRequest, wanted: pb.DatasetRead) -> Read:
    return Read(
        request_id=request.request_id,
        consent_id=request.consent_id,
        dataset=wanted.dataset_id,
        fields=tuple(sorted(wanted.fields)),
        period=Period(wanted.period.from_month, wanted.period.to_month),
    )


def _answer(part: Part, catalogue: Catalogue) -> pb.DatasetAnswer:
    read, outcome = part.read, part.outcome
    answer = pb.DatasetAnswer(
        dataset_id=read.dataset, request_id=read.request_id, agency_id=catalogue.agency_of(read.dataset)
    )
    if isinstance(outcome, HuilianError):
        answer.failure.CopyFrom(_failure(outcome))
    else:
        answer.delivery.envelope, answer.delivery.access_record_id = outcome.envelope, outcome.access_record_id
    return answer


def _failure(error: HuilianError) -> pb.DatasetFailure:
    seconds = error.params.get("retry_after_seconds", "0")
    return pb.DatasetFailure(
        code=error.code,
        fault=error.entry.fault.value,
        retry=error.entry.retry.value,
        retry_after_seconds=int(seconds) if seconds.isdecimal() else 0,
        text_zh=error.text_zh,
        text_en=error.text_en,
    )


def _agency(said: connector_pb.DescribeResponse) -> pb.Agency:
    return pb.Agency(
        agency_id=said.agency_id,
        title_zh=said.title_zh,
        title_en=said.title_en,
        sandbox=said.sandbox,
        sealing_suite=said.sealing_suite,
        sealing_public_key=said.sealing_public_key,
    )


def _record(access: StoredRecord) -> pb.AccessRecord:
    record = access.content
    accessed = Timestamp()
    accessed.FromJsonString(record["at"])
    return pb.AccessRecord(
        access_record_id=access.id,
        consent_id=record["consent_id"],
        recipient_id=record["recipient"],
        purpose_code=record["purpose"],
        dataset_id=record.get("dataset", ""),
        fields=record.get("fields", []),
        action_id=record.get("action", ""),
        accessed_time=accessed,
        outcome=record["outcome"].removeprefix("REFUSED:"),
        refused_by=record["refused_by"],
        times=record.get("times", 1),
    )
