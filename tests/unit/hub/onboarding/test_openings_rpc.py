"""AccountOpeningService on the wire: who sees what, what a repeated request gets, what is kept of a document shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian_protocol.clock import FixedClock
from huilian_sdk import sign_opening

from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.rpc_openings import AccountOpeningServicer
from hub.platform.business_day import business_date
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.store import StoredAnswer
from tests.support.databases import ON_SQLITE
from tests.unit.hub.onboarding.opening_world import ACCOUNT, OF_LEGAL_PERSON, OPENING, OpeningWorld, file_of
from tests.unit.hub.onboarding.test_onboarding import LEGAL, NAME, SALT, USCC, digest, refused
from tests.unit.hub.onboarding.test_openings import OTHER

pytestmark = ON_SQLITE

K = DocumentKind
LICENCE = pb.OPENING_DOCUMENT_KIND_BUSINESS_LICENCE
ARTICLES = pb.OPENING_DOCUMENT_KIND_ARTICLES


class Counter:
    """The service as callers reach it, each with a request id of its own unless one is given."""

    def __init__(self, world: OpeningWorld) -> None:
        self.world = world
        self.servicer = AccountOpeningServicer(world.files, Idempotency(world.database, world.clock, world.vault))
        self._requests = 0

    async def ask(self, request: Any, who: str = USCC, role: Role = Role.ENTERPRISE, request_id: str = "") -> Any:
        """One call."""
        set_current_caller(Caller(who, role))
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            self._requests += 1
            request.request_id = request_id or f"request-{self._requests:04d}"
        method = request.DESCRIPTOR.name.removesuffix("Request")
        return await getattr(self.servicer, method)(request, None)

    async def desk(self, request: Any, request_id: str = "") -> Any:
        """One call of an operator."""
        return await self.ask(request, "operator.desk", Role.OPERATOR, request_id)

    async def uploaded(self) -> pb.Opening:
        """Begun, with every document."""
        await self.world.verified()
        await self.ask(pb.StartOpeningRequest(application_id=OPENING))
        for kind in OF_LEGAL_PERSON:
            number = pb.OpeningDocumentKind.Value(f"OPENING_DOCUMENT_KIND_{kind}")
            upload = pb.UploadOpeningDocumentRequest(
                application_id=OPENING, kind=number, media_type="application/pdf", content=file_of(kind)
            )
            answer = await self.ask(upload)
        return answer.opening  # type: ignore[no-any-return]

    def submission(self, opening: pb.Opening) -> pb.SubmitOpeningRequest:
        """What the legal person signs, over the files at hand."""
        contents = {
            pb.OpeningDocumentKind.Value(f"OPENING_DOCUMENT_KIND_{kind}"): file_of(kind) for kind in OF_LEGAL_PERSON
        }
        return pb.SubmitOpeningRequest(
            application_id=OPENING,
            legal_person_commitment=digest(NAME),
            salt=SALT,
            signature=sign_opening(LEGAL, opening, contents),
        )


@pytest.fixture
def counter(database: Database, clock: FixedClock) -> Iterator[Counter]:
    yield Counter(OpeningWorld(database, clock))
    set_current_caller(ANONYMOUS)


async def test_from_the_first_document_to_the_account(counter: Counter, clock: FixedClock) -> None:
    needed = (await counter.ask(pb.ListOpeningRequirementsRequest())).requirements
    assert [one.kind for one in needed] == [1, 2, 3, 4, 5] and needed[0].name_zh == "营业执照"
    opening = await counter.uploaded()
    assert [one.kind for one in opening.documents] == [1, 2, 3, 4]
    assert opening.documents[0].sha256 == hashlib.sha256(file_of(K.BUSINESS_LICENCE)).digest()
    passed = (await counter.ask(counter.submission(opening))).opening
    assert (passed.state, passed.next_submission) == (pb.OPENING_STATE_PASSED, 2)
    times = [getattr(passed, name).seconds for name in ("upload_time", "result_time", "result_due_time")]
    assert times == sorted(times) and times[2] > times[1]
    slots = (await counter.ask(pb.ListOpeningSlotsRequest(day="2026-03-04"))).branches
    assert [(one.slot, one.free) for one in slots[1].slots] == [("09:00", 1), ("10:00", 2), ("14:00", 2)]
    visit = pb.BookVisitRequest(application_id=OPENING, branch_code="SB02", day="2026-03-04", slot="10:00")
    booked = (await counter.ask(visit)).opening
    assert booked.visit.queue_number == "SB02-0304-1000-1"
    assert (await counter.ask(pb.CancelVisitRequest(application_id=OPENING))).opening.state == pb.OPENING_STATE_PASSED
    await counter.ask(visit)
    clock.advance(timedelta(days=2))
    missed = await counter.desk(pb.CompleteVisitRequest(application_id=OPENING, missing_originals=[ARTICLES]))
    assert missed.opening.state == pb.OPENING_STATE_INCOMPLETE
    assert missed.opening.reasons[0].text_zh == "到访时未带公司章程原件，请预约后携带"
    visit.day = "2026-03-06"
    await counter.ask(visit)
    clock.advance(timedelta(days=2))
    opened = (await counter.desk(pb.CompleteVisitRequest(application_id=OPENING, account_number=ACCOUNT))).opening
    assert (opened.state, opened.account_number) == (pb.OPENING_STATE_OPENED, ACCOUNT)
    report = await counter.desk(pb.GetOpeningReportRequest(first_day="2026-03-02", last_day="2026-03-02"))
    assert (report.results, report.in_time) == (1, 1)
    assert (opened.closed_day, opened.documents_kept_until_day) == ("", "")
    today = business_date(clock.now())
    closing = pb.CloseAccountRequest(application_id=OPENING, closed_day=today.isoformat())
    closed = (await counter.desk(closing)).opening
    assert (closed.closed_day, closed.documents_kept_until_day) == (f"{today}", f"{today.replace(year=2036)}")


async def test_a_repeated_request_gets_the_first_answer_even_without_the_registry(counter: Counter) -> None:
    request = counter.submission(await counter.uploaded())
    first = await counter.ask(request, request_id="submit-0001")
    counter.world.registry.entry = None
    assert await counter.ask(request, request_id="submit-0001") == first
    request.salt = b"x" * 32
    await refused("REQUEST_ID_REUSED", counter.ask(request, request_id="submit-0001"))


async def test_an_enterprise_sees_its_own_and_an_operator_everybodys(counter: Counter) -> None:
    await counter.uploaded()
    get = pb.GetOpeningRequest(application_id=OPENING)
    await refused("NOT_FOUND", counter.ask(get, OTHER))
    assert not (await counter.ask(pb.ListOpeningsRequest(), OTHER)).openings
    assert (await counter.ask(get)).opening == (await counter.desk(get)).opening
    of_state = pb.ListOpeningsRequest(state=pb.OPENING_STATE_DRAFT)
    assert len((await counter.desk(of_state)).openings) == 1
    assert not (await counter.desk(pb.ListOpeningsRequest(state=pb.OPENING_STATE_REFERRED))).openings
    assert len((await counter.desk(pb.ListOpeningsRequest(uscc=USCC))).openings) == 1
    assert not (await counter.desk(pb.ListOpeningsRequest(uscc=OTHER))).openings
    assert not (await counter.ask(pb.ListOpeningsRequest(uscc=USCC), OTHER)).openings


async def test_what_an_operator_is_shown_is_on_record_once_and_stored_nowhere(counter: Counter) -> None:
    await counter.uploaded()
    read = pb.ReadOpeningDocumentRequest(application_id=OPENING, kind=LICENCE)
    shown = await counter.desk(read, "reading-0001")
    assert shown.content == file_of(K.BUSINESS_LICENCE)
    assert (await counter.desk(read, "reading-0001")).content == shown.content
    readings = [record for record in counter.world.ledger.records if record[0] == "opening.read"]
    assert len(readings) == 1
    assert all(b"%PDF" not in bytes(row.answer) for row in await StoredAnswer.all())
    await refused("NOT_FOUND", counter.desk(pb.ReadOpeningDocumentRequest(application_id=OPENING, kind=5)))


@pytest.mark.parametrize(
    "request_",
    [
        pb.CompleteVisitRequest(application_id=OPENING),
        pb.CompleteVisitRequest(application_id=OPENING, account_number=ACCOUNT, applicant_absent=True),
        pb.ListOpeningSlotsRequest(day="2026-02-30"),
        pb.ListOpeningSlotsRequest(day="2027-02-01"),
        pb.GetOpeningReportRequest(first_day="2026-02-30", last_day="2026-03-01"),
        pb.GetOpeningReportRequest(first_day="2026-03-02", last_day="2026-03-01"),
        pb.GetOpeningReportRequest(first_day="0001-01-01", last_day="0001-01-02"),
        pb.GetOpeningReportRequest(first_day="9999-12-30", last_day="9999-12-31"),
        pb.UploadOpeningDocumentRequest(
            application_id=OPENING,
            kind=LICENCE,
            media_type="application/pdf",
            content=b"%PDF-%%EOF",
            valid_until="2026-13-01",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(counter: Counter, request_: Any) -> None:
    await refused("INVALID_ARGUMENT", counter.desk(request_))
