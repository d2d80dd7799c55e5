"""Consented reads of government data: ``hub.exchange``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian_protocol.artefact import Period

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.exchange.v1.ExchangeService"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The data catalogue, reads under a consent, and who read what."""

    calls: Calls

    async def datasets(self, *, call: Call | None = None) -> pb.ListDatasetsResponse:
        """Every dataset on offer with its fields, and the agencies with their sealing keys."""
        return await self.calls.unary(_SERVICE, pb.ListDatasetsRequest(), pb.ListDatasetsResponse, call)

    async def status(self, *, call: Call | None = None) -> pb.GetServiceStatusResponse:
        """How every dataset and field is doing now: up, degraded or down, since when, and what is missing."""
        return await self.calls.unary(_SERVICE, pb.GetServiceStatusRequest(), pb.GetServiceStatusResponse, call)

    async def fetch(
        self,
        *,
        consent_id: str,
        dataset_id: str,
        fields: Iterable[str],
        period: Period,
        call: Call | None = None,
    ) -> pb.FetchDatasetResponse:
        """One read; the payload is an envelope sealed to the recipient that the consent names."""
        request = pb.FetchDatasetRequest(
            consent_id=consent_id,
            dataset_id=dataset_id,
            fields=sorted(fields),
            period=common_pb2.MonthPeriod(from_month=period.from_month, to_month=period.to_month),
        )
        return await self.calls.unary(_SERVICE, request, pb.FetchDatasetResponse, call)

    async def fetch_many(
        self,
        *,
        consent_id: str,
        reads: Iterable[tuple[str, Iterable[str], Period]] = (),
        deadline_ms: int = 0,
        call: Call | None = None,
    ) -> pb.FetchDatasetsResponse:
        """Several reads ``(dataset, fields, period)`` at once, by default everything that the consent grants.

        Each answer is a delivery or a failure that names whose fault it is; a source that fails raises nothing. Call
        again with the same request id for what failed: what was delivered comes again and is not counted twice.
        """
        request = pb.FetchDatasetsRequest(
            consent_id=consent_id,
            reads=[_wanted(dataset_id, fields, period) for dataset_id, fields, period in reads],
            deadline_ms=deadline_ms,
        )
        return await self.calls.unary(_SERVICE, request, pb.FetchDatasetsResponse, call)

    async def access_statement(
        self, period_from: datetime, period_to: datetime | None = None, *, call: Call | None = None
    ) -> pb.IssueAccessStatementResponse:
        """The hub's logged statement about the caller's access records of a period, without an end up to now."""
        request = pb.IssueAccessStatementRequest()
        request.from_time.FromDatetime(period_from)
        if period_to is not None:
            request.to_time.FromDatetime(period_to)
        return await self.calls.unary(_SERVICE, request, pb.IssueAccessStatementResponse, call)

    async def export_access_records(self, statement_id: str, *, call: Call | None = None) -> bytes:
        """The file of a statement: every record of its period with all proofs, to be checked offline.

        Raises :class:`HuilianError` RECEIPT_PENDING while the statement is not anchored, after some tries of its own.
        """
        request = pb.ExportAccessRecordsRequest(statement_id=statement_id)
        return (await self.calls.unary(_SERVICE, request, pb.ExportAccessRecordsResponse, call)).export

    async def perform(
        self, *, request_id: str, consent_id: str, action_id: str, sealed_parameters: bytes, call: Call | None = None
    ) -> pb.PerformActionResponse:
        """One action that the caller consented to, such as paying a fine; it is done once, whatever happens.

        The parameters are sealed for ``request_id`` (:meth:`huilian_sdk.Person.seal_parameters`). When the answer does
        not come, call again with the same arguments; nothing is done twice.
        """
        call = call or Call()
        call.request_id = request_id
        request = pb.PerformActionRequest(
            consent_id=consent_id, action_id=action_id, sealed_parameters=sealed_parameters
        )
        return await self.calls.unary(_SERVICE, request, pb.PerformActionResponse, call)

    def access_records(self) -> Pages[pb.AccessRecord]:
        """Every read, action and refusal in the caller's name, newest first as the hub orders them."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.AccessRecord], common_pb2.PageResponse]:
            request = pb.ListAccessRecordsRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListAccessRecordsResponse)
            return list(answer.access_records), answer.page

        return Pages(fetch)


def _wanted(dataset_id: str, fields: Iterable[str], period: Period) -> pb.DatasetRead:
    months = common_pb2.MonthPeriod(from_month=period.from_month, to_month=period.to_month)
    return pb.DatasetRead(dataset_id=dataset_id, fields=sorted(fields), period=months)
