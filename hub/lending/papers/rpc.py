"""Papers of huilian.lending.v1 on the wire: filled from the loan's data, rendered beside the event loop."""

from __future__ import annotations

from datetime import date
from typing import Any

from huilian.lending.v1 import document_service_pb2 as pb
from huilian.lending.v1 import document_service_pb2_grpc as pb_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from documents.pool import RenderingPool, TooBusy
from hub.lending.papers.content import Filled, Papers
from hub.platform.callers import current_caller


class DocumentServicer(pb_grpc.DocumentServiceServicer):
    """Serves parties their own papers. `verifier_url` is the page that the QR codes lead to."""

    def __init__(self, papers: Papers, pool: RenderingPool, clock: Clock, verifier_url: str) -> None:
        self._papers = papers
        self._pool = pool
        self._clock = clock
        self._verifier_url = verifier_url

    async def GetDocument(self, request: pb.GetDocumentRequest, context: Any) -> pb.GetDocumentResponse:
        """One paper as a PDF."""
        filled = await self._fill(current_caller().id, request)
        try:
            pdf = await self._pool.paper(filled.paper, filled.receipt, self._verifier_url, self._clock.now())
        except (TooBusy, TimeoutError) as error:
            raise HuilianError("UNAVAILABLE", "too many papers are being printed") from error
        kind = pb.DocumentKind.Name(request.kind).removeprefix("DOCUMENT_KIND_").lower().replace("_", "-")
        return pb.GetDocumentResponse(
            pdf=pdf, file_name=f"{kind}-{request.object_id}.pdf", has_receipt=filled.receipt is not None
        )

    async def _fill(self, caller: str, request: pb.GetDocumentRequest) -> Filled:
        match request.kind:
            case pb.DOCUMENT_KIND_LOAN_CONTRACT:
                return await self._papers.contract(caller, request.object_id)
            case pb.DOCUMENT_KIND_RECEIVABLE_CONFIRMATION:
                return await self._papers.confirmation(caller, request.object_id)
            case pb.DOCUMENT_KIND_LOAN_STATEMENT:
                first, last = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
                return await self._papers.statement(caller, request.object_id, first, last)
            case pb.DOCUMENT_KIND_PAYOFF_LETTER:
                return await self._papers.payoff(caller, request.object_id)
            case pb.DOCUMENT_KIND_REGISTRATION_NOTICE:
                return await self._papers.registration(caller, request.object_id)
            case pb.DOCUMENT_KIND_ACCOUNT_STATEMENT:
                first, last = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
                return await self._papers.account(caller, request.object_id, first, last)
            case _:
                raise HuilianError("INVALID_ARGUMENT", "no such paper", field="kind")


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
