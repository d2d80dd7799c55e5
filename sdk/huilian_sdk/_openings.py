"""Opening an account: ``hub.openings``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.common.v1 import common_pb2
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian_protocol.signers import OpeningSubmission, sign_statement

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.onboarding.v1.AccountOpeningService"


@dataclass(frozen=True, slots=True)
class Openings:
    """Upload the documents, hand them in, book the one visit. Days and times are China's."""

    calls: Calls

    async def requirements(self, *, call: Call | None = None) -> list[pb.OpeningRequirement]:
        """Which documents are needed, in which form."""
        request = pb.ListOpeningRequirementsRequest()
        answer = await self.calls.unary(_SERVICE, request, pb.ListOpeningRequirementsResponse, call)
        return [*answer.requirements]

    async def start(self, *, application_id: str = "", signer_id: str = "", call: Call | None = None) -> pb.Opening:
        """Begin, as the legal person or (``signer_id``) as a signer who may open accounts."""
        request = pb.StartOpeningRequest(application_id=self.calls.object_id(application_id, call), signer_id=signer_id)
        return (await self.calls.unary(_SERVICE, request, pb.StartOpeningResponse, call)).opening

    async def upload(
        self,
        application_id: str,
        kind: pb.OpeningDocumentKind.ValueType,
        content: bytes,
        media_type: str,
        *,
        valid_until: date | None = None,
        call: Call | None = None,
    ) -> pb.Opening:
        """Upload a document, or another one in its place; ``valid_until`` as it is printed on it."""
        request = pb.UploadOpeningDocumentRequest(
            application_id=application_id,
            kind=kind,
            media_type=media_type,
            content=content,
            valid_until=valid_until.isoformat() if valid_until else "",
        )
        return (await self.calls.unary(_SERVICE, request, pb.UploadOpeningDocumentResponse, call)).opening

    async def submit(
        self,
        application_id: str,
        signature: bytes,
        *,
        legal_person_commitment: bytes,
        salt: bytes,
        call: Call | None = None,
    ) -> pb.Opening:
        """Hand in what was uploaded, with a signature from :func:`sign_opening`; answered with the result."""
        request = pb.SubmitOpeningRequest(
            application_id=application_id,
            legal_person_commitment=legal_person_commitment,
            salt=salt,
            signature=signature,
        )
        return (await self.calls.unary(_SERVICE, request, pb.SubmitOpeningResponse, call)).opening

    async def withdraw(self, application_id: str, *, call: Call | None = None) -> pb.Opening:
        """Take an application back; its documents are destroyed."""
        request = pb.WithdrawOpeningRequest(application_id=application_id)
        return (await self.calls.unary(_SERVICE, request, pb.WithdrawOpeningResponse, call)).opening

    async def get(self, application_id: str, *, call: Call | None = None) -> pb.Opening:
        """One application."""
        request = pb.GetOpeningRequest(application_id=application_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetOpeningResponse, call)).opening

    def list(
        self, *, state: pb.OpeningState.ValueType = pb.OPENING_STATE_UNSPECIFIED, uscc: str = ""
    ) -> Pages[pb.Opening]:
        """The caller's applications, for an operator everybody's or one enterprise's; all of them, or in one state."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Opening], common_pb2.PageResponse]:
            request = pb.ListOpeningsRequest(page=page, state=state, uscc=uscc)
            answer = await self.calls.unary(_SERVICE, request, pb.ListOpeningsResponse)
            return [*answer.openings], answer.page

        return Pages(fetch)

    async def slots(self, day: date, *, call: Call | None = None) -> Sequence[pb.OpeningBranch]:
        """The branches, and when they have room on a day."""
        request = pb.ListOpeningSlotsRequest(day=day.isoformat())
        return [*(await self.calls.unary(_SERVICE, request, pb.ListOpeningSlotsResponse, call)).branches]

    async def book(
        self, application_id: str, branch_code: str, day: date, slot: str, *, call: Call | None = None
    ) -> pb.Opening:
        """Book the visit, or move it; ``slot`` is HH:MM."""
        request = pb.BookVisitRequest(
            application_id=application_id, branch_code=branch_code, day=day.isoformat(), slot=slot
        )
        return (await self.calls.unary(_SERVICE, request, pb.BookVisitResponse, call)).opening

    async def cancel_visit(self, application_id: str, *, call: Call | None = None) -> pb.Opening:
        """Give the place back."""
        request = pb.CancelVisitRequest(application_id=application_id)
        return (await self.calls.unary(_SERVICE, request, pb.CancelVisitResponse, call)).opening

    async def read_document(
        self, application_id: str, kind: pb.OpeningDocumentKind.ValueType, *, call: Call | None = None
    ) -> pb.ReadOpeningDocumentResponse:
        """As an operator: a document; that it was shown goes into the log."""
        request = pb.ReadOpeningDocumentRequest(application_id=application_id, kind=kind)
        return await self.calls.unary(_SERVICE, request, pb.ReadOpeningDocumentResponse, call)

    async def review(
        self,
        application_id: str,
        review: pb.OpeningReview.ValueType,
        *,
        kind: pb.OpeningDocumentKind.ValueType = pb.OPENING_DOCUMENT_KIND_UNSPECIFIED,
        call: Call | None = None,
    ) -> pb.Opening:
        """As an operator: settle a referred application."""
        request = pb.ReviewOpeningRequest(application_id=application_id, review=review, kind=kind)
        return (await self.calls.unary(_SERVICE, request, pb.ReviewOpeningResponse, call)).opening

    async def open_account(self, application_id: str, account_number: str, *, call: Call | None = None) -> pb.Opening:
        """As an operator at the visit: the originals were seen and the account is open."""
        request = pb.CompleteVisitRequest(application_id=application_id, account_number=account_number)
        return (await self.calls.unary(_SERVICE, request, pb.CompleteVisitResponse, call)).opening

    async def miss_visit(
        self,
        application_id: str,
        *,
        missing_originals: Sequence[pb.OpeningDocumentKind.ValueType] = (),
        applicant_absent: bool = False,
        call: Call | None = None,
    ) -> pb.Opening:
        """As an operator at the visit: what was missing."""
        request = pb.CompleteVisitRequest(
            application_id=application_id, missing_originals=missing_originals, applicant_absent=applicant_absent
        )
        return (await self.calls.unary(_SERVICE, request, pb.CompleteVisitResponse, call)).opening

    async def close_account(self, application_id: str, closed_day: date, *, call: Call | None = None) -> pb.Opening:
        """As an operator: the account was closed. Its documents are kept for the term of the law from then on."""
        request = pb.CloseAccountRequest(application_id=application_id, closed_day=closed_day.isoformat())
        return (await self.calls.unary(_SERVICE, request, pb.CloseAccountResponse, call)).opening

    async def report(self, first_day: date, last_day: date, *, call: Call | None = None) -> pb.GetOpeningReportResponse:
        """As an operator or a supervisor: how many results came, and how many of them in time."""
        request = pb.GetOpeningReportRequest(first_day=first_day.isoformat(), last_day=last_day.isoformat())
        return await self.calls.unary(_SERVICE, request, pb.GetOpeningReportResponse, call)


def sign_opening(
    key: ec.EllipticCurvePrivateKey, opening: pb.Opening, contents: Mapping[pb.OpeningDocumentKind.ValueType, bytes]
) -> bytes:
    """The applicant's signature for the next submission of an application, over the files that the applicant has.

    ``contents`` holds every uploaded file by its kind: what the hub says of them is not believed.
    """
    prefix = "OPENING_DOCUMENT_KIND_"
    names = {kind: name.removeprefix(prefix) for name, kind in pb.OpeningDocumentKind.items()}
    documents = {names[kind]: hashlib.sha256(content).digest() for kind, content in contents.items()}
    number = opening.next_submission
    return sign_statement(
        key, OpeningSubmission(opening.uscc, opening.application_id, number, opening.signer_id, documents)
    )
