"""AccountOpeningService on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

from huilian.common.v1 import common_pb2
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian.onboarding.v1 import account_opening_service_pb2_grpc
from huilian_protocol.errors import HuilianError

from hub.onboarding.closings import Closings
from hub.onboarding.opening_data import Branch, DocumentKind, opening_data
from hub.onboarding.opening_files import OpeningFiles
from hub.onboarding.opening_reviews import OpeningReviews
from hub.onboarding.opening_rules import Finding, UploadedDocument, kept_until, queue_number
from hub.onboarding.opening_states import OpeningState
from hub.onboarding.openings import Openings, Submission, Upload
from hub.onboarding.ports import RegistryEntry
from hub.onboarding.stored_openings import Opening, Visit
from hub.onboarding.visits import Visits, Wish
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.platform.timestamps import timestamp

# At the visit only name and standing are asked for: nobody looks at the salted digest of the legal person.
_STANDING_SALT = bytes(32)
_KINDS = {pb.OpeningDocumentKind.Value(f"OPENING_DOCUMENT_KIND_{kind}"): kind for kind in DocumentKind}
_KIND_NUMBERS = {kind: number for number, kind in _KINDS.items()}
_STATES = {pb.OpeningState.Value(f"OPENING_STATE_{state}"): state for state in OpeningState}
_REVIEWS = {number: name.removeprefix("OPENING_REVIEW_") for name, number in pb.OpeningReview.items()}
_PASS = "PASS"  # noqa: S105  a review
Answer = TypeVar(
    "Answer",
    pb.StartOpeningResponse,
    pb.UploadOpeningDocumentResponse,
    pb.SubmitOpeningResponse,
    pb.WithdrawOpeningResponse,
    pb.BookVisitResponse,
    pb.CancelVisitResponse,
    pb.ReviewOpeningResponse,
    pb.CompleteVisitResponse,
    pb.CloseAccountResponse,
)


class AccountOpeningServicer(account_opening_service_pb2_grpc.AccountOpeningServiceServicer):
    """Serves enterprises that open an account, and the bank's operators."""

    def __init__(self, files: OpeningFiles, idempotency: Idempotency) -> None:
        self._openings, self._visits, self._reviews = Openings(files), Visits(files), OpeningReviews(files)
        self._closings = Closings(files)
        self._idempotency = idempotency

    async def ListOpeningRequirements(
        self, request: pb.ListOpeningRequirementsRequest, context: Any
    ) -> pb.ListOpeningRequirementsResponse:
        """Which documents, in which form."""
        return pb.ListOpeningRequirementsResponse(
            requirements=[
                pb.OpeningRequirement(
                    kind=_KIND_NUMBERS[one.kind],
                    name_zh=one.name_zh,
                    name_en=one.name_en,
                    media_types=one.media_types,
                    most_bytes=one.most_bytes,
                    of_signers_only=one.of_signers_only,
                )
                for one in opening_data().documents.values()
            ]
        )

    async def StartOpening(self, request: pb.StartOpeningRequest, context: Any) -> pb.StartOpeningResponse:
        """Begin an application."""
        uscc = current_caller().id
        start = self._openings.start
        return await self._once(
            request, pb.StartOpeningResponse, lambda: start(uscc, request.application_id, request.signer_id)
        )

    async def UploadOpeningDocument(
        self, request: pb.UploadOpeningDocumentRequest, context: Any
    ) -> pb.UploadOpeningDocumentResponse:
        """Keep a document."""
        uscc = current_caller().id
        valid_until = _day(request.valid_until, "valid_until") if request.valid_until else None
        upload = Upload(_KINDS[request.kind], request.media_type, request.content, valid_until)
        return await self._once(
            request,
            pb.UploadOpeningDocumentResponse,
            lambda: self._openings.upload(uscc, request.application_id, upload),
        )

    async def SubmitOpening(self, request: pb.SubmitOpeningRequest, context: Any) -> pb.SubmitOpeningResponse:
        """Check what is handed in; the registry is asked before the transaction begins."""
        first = await self._idempotency.replay("SubmitOpening", request, pb.SubmitOpeningResponse)
        if first is not None:
            return first
        uscc = current_caller().id
        await self._openings.get(uscc, request.application_id)
        entry = await self._openings.ask_registry(uscc, request.salt)
        submission = Submission(request.legal_person_commitment, request.signature)
        return await self._once(
            request,
            pb.SubmitOpeningResponse,
            lambda: self._openings.submit(uscc, request.application_id, submission, entry),
        )

    async def WithdrawOpening(self, request: pb.WithdrawOpeningRequest, context: Any) -> pb.WithdrawOpeningResponse:
        """Take it back."""
        uscc = current_caller().id
        withdraw = self._openings.withdraw
        return await self._once(request, pb.WithdrawOpeningResponse, lambda: withdraw(uscc, request.application_id))

    async def GetOpening(self, request: pb.GetOpeningRequest, context: Any) -> pb.GetOpeningResponse:
        """One application."""
        return pb.GetOpeningResponse(opening=_message(await self._openings.get(_own(), request.application_id)))

    async def ListOpenings(self, request: pb.ListOpeningsRequest, context: Any) -> pb.ListOpeningsResponse:
        """Applications, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        # Whatever an enterprise asks for, it sees its own.
        whose = _own() or request.uscc or None
        page = await self._openings.list(whose, _STATES.get(request.state), size, request.page.page_token)
        return pb.ListOpeningsResponse(
            openings=[_message(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ListOpeningSlots(self, request: pb.ListOpeningSlotsRequest, context: Any) -> pb.ListOpeningSlotsResponse:
        """Where there is room on a day."""
        free = await self._visits.free(_day(request.day, "day"))
        return pb.ListOpeningSlotsResponse(branches=[_branch(branch, slots) for branch, slots in free])

    async def BookVisit(self, request: pb.BookVisitRequest, context: Any) -> pb.BookVisitResponse:
        """Book or move."""
        uscc = current_caller().id
        wish = Wish(request.branch_code, _day(request.day, "day"), request.slot)
        book = self._visits.book
        return await self._once(request, pb.BookVisitResponse, lambda: book(uscc, request.application_id, wish))

    async def CancelVisit(self, request: pb.CancelVisitRequest, context: Any) -> pb.CancelVisitResponse:
        """Give the place back."""
        uscc = current_caller().id
        cancel = self._visits.cancel
        return await self._once(request, pb.CancelVisitResponse, lambda: cancel(uscc, request.application_id))

    async def ReadOpeningDocument(
        self, request: pb.ReadOpeningDocumentRequest, context: Any
    ) -> pb.ReadOpeningDocumentResponse:
        """Show a document. The stored answer has no content; that is read anew, after the reading is on record."""
        operator, kind = current_caller().id, _KINDS[request.kind]

        async def use_case() -> pb.ReadOpeningDocumentResponse:
            note = self._reviews.note_reading
            document = await note(operator, request.application_id, kind, request.request_id)
            return pb.ReadOpeningDocumentResponse(document=_document(document))

        response_type = pb.ReadOpeningDocumentResponse
        answer = await self._idempotency.run("ReadOpeningDocument", request, response_type, use_case)
        answer.content = await self._reviews.content(request.application_id, kind)
        return answer

    async def ReviewOpening(self, request: pb.ReviewOpeningRequest, context: Any) -> pb.ReviewOpeningResponse:
        """Settle a referred application."""
        operator, code = current_caller().id, _REVIEWS[request.review]
        finding = None if code == _PASS else Finding(code, _KINDS.get(request.kind))
        review = self._reviews.review
        return await self._once(
            request, pb.ReviewOpeningResponse, lambda: review(operator, request.application_id, finding)
        )

    async def CompleteVisit(self, request: pb.CompleteVisitRequest, context: Any) -> pb.CompleteVisitResponse:
        """The account is open, or something was missing."""
        first = await self._idempotency.replay("CompleteVisit", request, pb.CompleteVisitResponse)
        if first is not None:
            return first
        operator, missing = current_caller().id, _missing(request)
        if bool(missing) == bool(request.account_number):
            raise HuilianError("INVALID_ARGUMENT", "an account number, or what was missing", field="account_number")
        entry = await self._standing(request.application_id) if not missing else None

        async def use_case() -> Opening:
            if missing:
                return await self._visits.miss(operator, request.application_id, missing)
            return await self._visits.complete(operator, request.application_id, request.account_number, entry)

        return await self._once(request, pb.CompleteVisitResponse, use_case)

    async def CloseAccount(self, request: pb.CloseAccountRequest, context: Any) -> pb.CloseAccountResponse:
        """The account was closed."""
        operator, day = current_caller().id, _day(request.closed_day, "closed_day")
        close = self._closings.close
        return await self._once(request, pb.CloseAccountResponse, lambda: close(operator, request.application_id, day))

    async def GetOpeningReport(self, request: pb.GetOpeningReportRequest, context: Any) -> pb.GetOpeningReportResponse:
        """Results, and how many of them in time."""
        first, last = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
        report = await self._reviews.report(first, last)
        return pb.GetOpeningReportResponse(
            results=report.results, in_time=report.in_time, waiting=report.waiting, late=report.late
        )

    async def _standing(self, application_id: str) -> RegistryEntry | None:
        opening = await self._openings.get(None, application_id)
        return await self._openings.ask_registry(opening.uscc, _STANDING_SALT)

    async def _once(
        self, request: Any, response_type: type[Answer], use_case: Callable[[], Awaitable[Opening]]
    ) -> Answer:
        async def answered() -> Answer:
            return response_type(opening=_message(await use_case()))

        method = request.DESCRIPTOR.name.removesuffix("Request")
        return await self._idempotency.run(method, request, response_type, answered)


def _own() -> str | None:
    """The enterprise that asks; None for an operator, who sees everybody's."""
    caller = current_caller()
    return caller.id if caller.role is Role.ENTERPRISE else None


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field=field) from error


def _missing(request: pb.CompleteVisitRequest) -> list[Finding]:
    found = [Finding("ORIGINAL_MISSING", _KINDS[kind]) for kind in request.missing_originals]
    return [*found, Finding("APPLICANT_ABSENT")] if request.applicant_absent else found


def _message(opening: Opening) -> pb.Opening:
    return pb.Opening(
        application_id=opening.application_id,
        uscc=opening.uscc,
        name=opening.name,
        state=pb.OpeningState.Value(f"OPENING_STATE_{opening.state}"),
        signer_id=opening.signer_id,
        reasons=[_reason(finding) for finding in opening.reasons],
        documents=[_document(opening.documents[kind]) for kind in DocumentKind if kind in opening.documents],
        next_submission=opening.submissions + 1,
        visit=_visit(opening.visit) if opening.visit else None,
        account_number=opening.account_number or "",
        documents_destroyed=opening.destroyed_at is not None,
        closed_day=opening.closed_on.isoformat() if opening.closed_on else "",
        documents_kept_until_day=_kept_until(opening),
        create_time=timestamp(opening.created_at),
        upload_time=timestamp(opening.uploaded_at),
        result_time=timestamp(opening.result_at),
        result_due_time=timestamp(opening.due_at),
        open_time=timestamp(opening.opened_at),
    )


def _kept_until(opening: Opening) -> str:
    return kept_until(opening.closed_on, opening_data().kept_years).isoformat() if opening.closed_on else ""


def _reason(finding: Finding) -> pb.OpeningReason:
    data = opening_data()
    text = data.reasons[finding.code]
    named = data.documents.get(finding.kind) if finding.kind else None
    zh, en = (named.name_zh, named.name_en) if named else ("", "")
    return pb.OpeningReason(
        code=finding.code,
        kind=_KIND_NUMBERS[finding.kind] if finding.kind else pb.OPENING_DOCUMENT_KIND_UNSPECIFIED,
        text_zh=text.zh.format(document=zh),
        text_en=text.en.format(document=en),
    )


def _document(document: UploadedDocument) -> pb.OpeningDocument:
    return pb.OpeningDocument(
        kind=_KIND_NUMBERS[document.kind],
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        sha256=document.sha256,
        valid_until=document.valid_until.isoformat() if document.valid_until else "",
        upload_time=timestamp(document.uploaded_at),
    )


def _visit(visit: Visit) -> pb.OpeningVisit:
    return pb.OpeningVisit(
        branch_code=visit.branch_code,
        day=visit.day.isoformat(),
        slot=visit.slot,
        queue_number=queue_number(visit.branch_code, visit.day, visit.slot, visit.place),
    )


def _branch(branch: Branch, slots: dict[str, int]) -> pb.OpeningBranch:
    return pb.OpeningBranch(
        branch_code=branch.branch_code,
        name_zh=branch.name_zh,
        name_en=branch.name_en,
        address_zh=branch.address_zh,
        slots=[pb.OpeningSlot(slot=slot, free=free) for slot, free in sorted(slots.items())],
    )
