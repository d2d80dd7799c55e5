"""Papers of huilian.lending.v1 on the wire: filled from the loan's data, rendered beside the event loop."""

from __future__ import annotations

from datetime import date
from typing import Any

from huilian.lending.v1 import document_service_pb2 as pb
from huilian.lending.v1 import document_service_pb2_grpc as pb_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from documents.pool import RenderingPool, TooBusy
from hub.lending.loans.stored import BUY_BACK, CHARGE_OFF, RESTRUCTURE
from hub.lending.papers.content import Filled, Papers
from hub.lending.papers.workouts import Listed
from hub.platform.callers import current_caller

_TITLES = {
    pb.DOCUMENT_KIND_LOAN_CONTRACT: ("融资合同", "Loan contract"),
    pb.DOCUMENT_KIND_LOAN_STATEMENT: ("贷款对账单", "Loan statement"),
    pb.DOCUMENT_KIND_PAYOFF_LETTER: ("结清金额告知书或结清证明", "Payoff letter or certificate of full repayment"),
    pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT: ("贷款重组协议", "Restructuring agreement"),
    pb.DOCUMENT_KIND_BUY_BACK_NOTICE: ("债权回购确认书", "Confirmation of buy-back"),
    pb.DOCUMENT_KIND_CHARGE_OFF_CERTIFICATE: ("贷款核销证明", "Certificate of charge-off"),
}
_WHOLE = (pb.DOCUMENT_KIND_LOAN_CONTRACT, pb.DOCUMENT_KIND_LOAN_STATEMENT, pb.DOCUMENT_KIND_PAYOFF_LETTER)
_KINDS = {
    RESTRUCTURE: pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT,
    BUY_BACK: pb.DOCUMENT_KIND_BUY_BACK_NOTICE,
    CHARGE_OFF: pb.DOCUMENT_KIND_CHARGE_OFF_CERTIFICATE,
}
_WORKOUTS = {kind: event for event, kind in _KINDS.items()}


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

    async def ListLoanDocuments(
        self, request: pb.ListLoanDocumentsRequest, context: Any
    ) -> pb.ListLoanDocumentsResponse:
        """The whole loan's, then those of what was done to it, in order."""
        done = await self._papers.of_loan(current_caller().id, request.loan_id)
        whole = [_listed(kind) for kind in _WHOLE]
        return pb.ListLoanDocumentsResponse(documents=[*whole, *(_listed(_KINDS[one.kind], one) for one in done)])

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
            case kind if kind in _WORKOUTS:
                return await self._papers.workout(caller, request.object_id, _WORKOUTS[kind], request.sequence)
            case _:
                raise HuilianError("INVALID_ARGUMENT", "no such paper", field="kind")


def _listed(kind: pb.DocumentKind.ValueType, one: Listed | None = None) -> pb.LoanDocument:
    title_zh, title_en = _TITLES[kind]
    sequence, day = (one.sequence, one.day.isoformat()) if one else (0, "")
    return pb.LoanDocument(kind=kind, sequence=sequence, day=day, title_zh=title_zh, title_en=title_en)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error
