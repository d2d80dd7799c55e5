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

    async def of_loan(self, loan_id: str, *, call: Call | None = None) -> list[pb.LoanDocument]:
        """The papers that one of the caller's loans has today."""
        request = pb.ListLoanDocumentsRequest(loan_id=loan_id)
        answer = await self.calls.unary(_SERVICE, request, pb.ListLoanDocumentsResponse, call)
        return [*answer.documents]

    async def restructuring_agreement(
        self, loan_id: str, *, sequence: int = 0, call: Call | None = None
    ) -> pb.GetDocumentResponse:
        """The terms that a loan was restructured to: of the event `sequence`, or the newest."""
        return await self._workout(pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT, loan_id, sequence, call)

    async def buy_back_notice(self, loan_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What was paid to buy back what secured a loan."""
        return await self._workout(pb.DOCUMENT_KIND_BUY_BACK_NOTICE, loan_id, 0, call)

    async def charge_off_certificate(self, loan_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What the bank gave up of a loan, and what of it is not recovered."""
        return await self._workout(pb.DOCUMENT_KIND_CHARGE_OFF_CERTIFICATE, loan_id, 0, call)

    async def _workout(
        self, kind: pb.DocumentKind.ValueType, loan_id: str, sequence: int, call: Call | None
    ) -> pb.GetDocumentResponse:
        return await self._get(pb.GetDocumentRequest(kind=kind, object_id=loan_id, sequence=sequence), call)

    async def registration_notice(self, receivable_id: str, *, call: Call | None = None) -> pb.GetDocumentResponse:
        """What stands at the register of movable assets over a receivable that the caller supplied."""
        kind = pb.DOCUMENT_KIND_REGISTRATION_NOTICE
        return await self._get(pb.GetDocumentRequest(kind=kind, object_id=receivable_id), call)

    async def _get(self, request: pb.GetDocumentRequest, call: Call | None) -> pb.GetDocumentResponse:
        return await self.calls.unary(_SERVICE, request, pb.GetDocumentResponse, call)
