"""Papers of loans and receivables as PDFs: ``hub.documents``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huilian.lending.v1 import document_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.lending.v1.DocumentService"


@dataclass(frozen=True, slots=True)
class Documents:
    """The caller's own papers, each with the receipt that verifies it inside once it is anchored."""

    calls: Calls

    async def loan_contract(self, loan_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """Terms, schedule, annual percentage rate and total cost of a loan."""
        return await self._get(pb.GetDocumentRequest(kind=pb.DOCUMENT_KIND_LOAN_CONTRACT, object_id=loan_id), call)

    async def confirmation(self, receivable_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What the buyer of a receivable confirmed."""
        kind = pb.DOCUMENT_KIND_RECEIVABLE_CONFIRMATION
        return await self._get(pb.GetDocumentRequest(kind=kind, object_id=receivable_id), call)

    async def loan_statement(
        self, loan_id: str, first_day: date, last_day: date, *, call: Call | None = None
    ) -> pb.GetDocumentResponse:
        """A loan over a period, both days included."""
        request = pb.GetDocumentRequest(
            kind=pb.DOCUMENT_KIND_LOAN_STATEMENT,
            object_id=loan_id,
            first_day=first_day.isoformat(),
            last_day=last_day.isoformat(),
        )
        return await self._get(request, call)

    async def payoff_letter(self, loan_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What closes a loan today, or that nothing is owed."""
        return await self._get(pb.GetDocumentRequest(kind=pb.DOCUMENT_KIND_PAYOFF_LETTER, object_id=loan_id), call)

    async def account_statement(
        self, party_id: str, first_day: date, last_day: date, *, call: Call | None = None
    ) -> pb.GetDocumentResponse:
        """The caller's own deposit account over a period, both days included. It bears no receipt."""
        request = pb.GetDocumentRequest(
            kind=pb.DOCUMENT_KIND_ACCOUNT_STATEMENT,
            object_id=party_id,
            first_day=first_day.isoformat(),
            last_day=last_day.isoformat(),
        )
        return await self._get(request, call)

    async def registration_notice(self, receivable_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What stands at the register of movable assets over a receivable that the caller supplied."""
        kind = pb.DOCUMENT_KIND_REGISTRATION_NOTICE
        return await self._get(pb.GetDocumentRequest(kind=kind, object_id=receivable_id), call)

    async def _get(self, request: pb.GetDocumentRequest, call: Call | None) -> pb.GetDocumentResponse:
        return await self.calls.unary(_SERVICE, request, pb.GetDocumentResponse, call)
