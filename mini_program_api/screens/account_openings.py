"""Opening an account: what is needed, upload, hand in, see the result, book the one visit."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian_protocol.canonical import b64u_decode, b64u_encode
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Base64Url, Form, PageSize, PageToken, time_text

KINDS = {name.removeprefix("OPENING_DOCUMENT_KIND_"): value for name, value in pb.OpeningDocumentKind.items()}
KIND_NAMES = {value: name if value else "" for name, value in KINDS.items()}
STATES = {value: name.removeprefix("OPENING_STATE_") for name, value in pb.OpeningState.items()}
ApplicationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,48}$")]
Kind = Annotated[str, Field(pattern=r"^(BUSINESS_LICENCE|LEGAL_PERSON_IDENTITY|ADDRESS_PROOF|ARTICLES|AUTHORISATION)$")]


class StartForm(Form):
    """Who hands it in: a signer, or (empty) the legal person."""

    application_id: ApplicationId
    signer_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{8,64})?$")] = ""


class SubmissionForm(Form):
    """The legal person as a salted digest, and the applicant's signature over all documents."""

    legal_person_commitment: Base64Url
    salt: Base64Url
    signature: Base64Url


class VisitForm(Form):
    """When, and where."""

    branch_code: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,8}$")]
    day: date
    slot: Annotated[str, Field(pattern=r"^[0-9]{2}:[0-9]{2}$")]


class Requirement(BaseModel):
    """A document that is needed, and in which form."""

    kind: str
    name_zh: str
    name_en: str
    media_types: list[str]
    most_bytes: int
    of_signers_only: bool


class Requirements(BaseModel):
    """All of them."""

    requirements: list[Requirement]


class OpeningReason(BaseModel):
    """What was found, at which document (empty: at none)."""

    code: str
    kind: str
    text_zh: str
    text_en: str


class Document(BaseModel):
    """A document on file."""

    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    valid_until: str
    uploaded_at: str


class Visit(BaseModel):
    """A booked visit; all empty when there is none."""

    branch_code: str
    day: str
    slot: str
    queue_number: str


class Opening(BaseModel):
    """One application; `result_due_at` is when its result is or was due.

    `closed_day` is the day in China on which its account was closed, `documents_kept_until_day` the last one on which
    its documents are kept from then on; both are empty before.
    """

    application_id: str
    uscc: str
    name: str
    state: str
    signer_id: str
    reasons: list[OpeningReason]
    documents: list[Document]
    next_submission: int
    visit: Visit
    account_number: str
    created_at: str
    uploaded_at: str
    result_at: str
    result_due_at: str
    opened_at: str
    closed_day: str
    documents_kept_until_day: str
    documents_destroyed: bool


class Openings(BaseModel):
    """A page of applications."""

    openings: list[Opening]
    next_page_token: str


class Slot(BaseModel):
    """A time, and how many may still come."""

    slot: str
    free: int


class Branch(BaseModel):
    """A branch on a day; without slots it takes no visits then."""

    branch_code: str
    name_zh: str
    name_en: str
    address_zh: str
    slots: list[Slot]


class Branches(BaseModel):
    """All of them."""

    branches: list[Branch]


class RequirementsScreen(Screen):
    """GET /api/v1/opening-requirements"""

    signed_in = False

    async def get(self) -> r200[Requirements]:
        """Which documents an account needs.

        Tags: account
        """
        shown = [
            Requirement(
                kind=KIND_NAMES[one.kind],
                name_zh=one.name_zh,
                name_en=one.name_en,
                media_types=[*one.media_types],
                most_bytes=one.most_bytes,
                of_signers_only=one.of_signers_only,
            )
            for one in await self.anonymous.openings.requirements()
        ]
        return answer(Requirements(requirements=shown))


class OpeningsScreen(Screen):
    """/api/v1/account-openings"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Openings]:
        """My company's applications.

        Tags: account
        """
        page = await self.hub.openings.list().page(page_token=page_token, page_size=page_size)
        shown = [opening_of(item) for item in page.items]
        return answer(Openings(openings=shown, next_page_token=page.next_page_token))

    async def post(self, body: StartForm) -> r201[Opening]:
        """Begin.

        Tags: account
        """
        call = self.call()
        started = await self.hub.openings.start(application_id=body.application_id, signer_id=body.signer_id, call=call)
        return answer(opening_of(started), call, status=201)


class OpeningScreen(Screen):
    """GET /api/v1/account-openings/{application_id}"""

    async def get(self, application_id: ApplicationId, /) -> r200[Opening]:
        """One application, with what to do next.

        Tags: account
        """
        return answer(opening_of(await self.hub.openings.get(application_id)))


class DocumentScreen(Screen):
    """POST /api/v1/account-openings/{application_id}/documents/{kind}; the body is the file itself."""

    file_types: ClassVar[tuple[str, ...]] = ("application/pdf", "image/jpeg", "image/png")
    file_most_bytes: ClassVar[int] = 3 * 1024 * 1024

    async def post(
        self, application_id: ApplicationId, kind: Kind, /, valid_until: date | None = None
    ) -> r200[Opening]:
        """Upload a document, or another one in its place.

        Tags: account
        """
        call, (media_type, content) = self.call(), self.file()
        made = await self.hub.openings.upload(
            application_id, KINDS[kind], content, media_type, valid_until=valid_until, call=call
        )
        return answer(opening_of(made), call)


class SubmissionScreen(Screen):
    """POST /api/v1/account-openings/{application_id}/submission"""

    async def post(self, application_id: ApplicationId, /, body: SubmissionForm) -> r200[Opening]:
        """Hand in; the answer is the result of the check.

        Tags: account
        """
        call = self.call()
        checked = await self.hub.openings.submit(
            application_id,
            b64u_decode(body.signature),
            legal_person_commitment=b64u_decode(body.legal_person_commitment),
            salt=b64u_decode(body.salt),
            call=call,
        )
        return answer(opening_of(checked), call)


class WithdrawalScreen(Screen):
    """POST /api/v1/account-openings/{application_id}/withdrawal"""

    async def post(self, application_id: ApplicationId, /) -> r200[Opening]:
        """Take it back; the documents are destroyed.

        Tags: account
        """
        call = self.call()
        return answer(opening_of(await self.hub.openings.withdraw(application_id, call=call)), call)


class SlotsScreen(Screen):
    """GET /api/v1/opening-slots"""

    async def get(self, day: date) -> r200[Branches]:
        """Where there is room on a day.

        Tags: account
        """
        shown = [
            Branch(
                branch_code=one.branch_code,
                name_zh=one.name_zh,
                name_en=one.name_en,
                address_zh=one.address_zh,
                slots=[Slot(slot=slot.slot, free=slot.free) for slot in one.slots],
            )
            for one in await self.hub.openings.slots(day)
        ]
        return answer(Branches(branches=shown))


class VisitScreen(Screen):
    """POST /api/v1/account-openings/{application_id}/visit"""

    async def post(self, application_id: ApplicationId, /, body: VisitForm) -> r200[Opening]:
        """Book the visit, or move it.

        Tags: account
        """
        call = self.call()
        booked = await self.hub.openings.book(application_id, body.branch_code, body.day, body.slot, call=call)
        return answer(opening_of(booked), call)


class CancellationScreen(Screen):
    """POST /api/v1/account-openings/{application_id}/visit/cancellation"""

    async def post(self, application_id: ApplicationId, /) -> r200[Opening]:
        """Give the place back.

        Tags: account
        """
        call = self.call()
        return answer(opening_of(await self.hub.openings.cancel_visit(application_id, call=call)), call)


def opening_of(item: pb.Opening) -> Opening:
    """An application as a screen shows it."""
    return Opening(
        application_id=item.application_id,
        uscc=item.uscc,
        name=item.name,
        state=STATES[item.state],
        signer_id=item.signer_id,
        reasons=[
            OpeningReason(code=one.code, kind=KIND_NAMES[one.kind], text_zh=one.text_zh, text_en=one.text_en)
            for one in item.reasons
        ],
        documents=[_document(one) for one in item.documents],
        next_submission=item.next_submission,
        visit=_visit(item.visit),
        account_number=item.account_number,
        created_at=time_text(item.create_time),
        uploaded_at=time_text(item.upload_time),
        result_at=time_text(item.result_time),
        result_due_at=time_text(item.result_due_time),
        opened_at=time_text(item.open_time),
        closed_day=item.closed_day,
        documents_kept_until_day=item.documents_kept_until_day,
        documents_destroyed=item.documents_destroyed,
    )


def _document(item: pb.OpeningDocument) -> Document:
    return Document(
        kind=KIND_NAMES[item.kind],
        media_type=item.media_type,
        size_bytes=item.size_bytes,
        sha256=b64u_encode(item.sha256),
        valid_until=item.valid_until,
        uploaded_at=time_text(item.upload_time),
    )


def _visit(item: pb.OpeningVisit) -> Visit:
    return Visit(branch_code=item.branch_code, day=item.day, slot=item.slot, queue_number=item.queue_number)


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/account-openings/{application_id}"
    return [
        web.view("/api/v1/opening-requirements", RequirementsScreen),
        web.view("/api/v1/opening-slots", SlotsScreen),
        web.view("/api/v1/account-openings", OpeningsScreen),
        web.view(one, OpeningScreen),
        web.view(f"{one}/documents/{{kind}}", DocumentScreen),
        web.view(f"{one}/submission", SubmissionScreen),
        web.view(f"{one}/withdrawal", WithdrawalScreen),
        web.view(f"{one}/visit", VisitScreen),
        web.view(f"{one}/visit/cancellation", CancellationScreen),
    ]
