"""An account is opened after one check and one visit: what is checked, who may, what is kept, what is destroyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.signers import Power

from hub.onboarding.opening_data import DocumentKind, Outcome, opening_data
from hub.onboarding.opening_rules import Finding, check_content, due_time, outcome_of
from hub.onboarding.opening_states import OpeningEvent, OpeningState
from hub.onboarding.ports import RegistryEntry, RegistryStatus
from hub.onboarding.store import VisitRow
from hub.platform.database import Database
from tests.support.databases import ON_SQLITE
from tests.unit.hub.onboarding.opening_world import (
    ACCOUNT,
    OPENING,
    OPERATOR,
    TUESDAY,
    OpeningWorld,
    file_of,
)
from tests.unit.hub.onboarding.test_onboarding import FIRST, GOOD, LEGAL, SECOND, USCC, admitting, digest, refused

pytestmark = ON_SQLITE

S, K = OpeningState, DocumentKind
OTHER = "91449900MA0H00029R"
DAY = timedelta(days=1)
WEDNESDAY = TUESDAY + DAY


@pytest.fixture
def world(database: Database, clock: FixedClock) -> OpeningWorld:
    return OpeningWorld(database, clock)


async def test_upload_check_appointment_one_visit(world: OpeningWorld, clock: FixedClock) -> None:
    uploaded = await world.uploaded()
    assert (uploaded.state, uploaded.uploaded_at) == (S.DRAFT, clock.now())
    clock.advance(timedelta(seconds=30))
    passed = await world.submit()
    assert (passed.state, passed.reasons, passed.submissions) == (S.PASSED, (), 1)
    # Uploaded on Monday at ten: due at the end of Tuesday, known thirty seconds later.
    assert passed.uploaded_at is not None and passed.result_at == passed.uploaded_at + timedelta(seconds=30)
    assert passed.due_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    booked = await world.book()
    assert booked.visit is not None and (booked.visit.day, booked.visit.slot, booked.visit.place) == (
        TUESDAY,
        "09:00",
        1,
    )
    await refused("STATE_CONFLICT", world.complete())
    clock.advance(DAY)
    opened = await world.complete()
    assert (opened.state, opened.account_number, opened.visit) == (S.OPENED, ACCOUNT, None)
    assert [record for record, _ in world.ledger.records] == ["opening.started", "opening.checked", "opening.opened"]
    report = await world.reviews.report(date(2026, 3, 2), date(2026, 3, 2))
    assert (report.results, report.in_time, report.waiting, report.late) == (1, 1, 0, 0)


ENTRIES: list[tuple[RegistryEntry | None, S, list[tuple[str, K | None]]]] = [
    (None, S.REFUSED, [("NOT_REGISTERED", None)]),
    (replace(GOOD, status=RegistryStatus.REVOKED), S.REFUSED, [("REVOKED", None)]),
    (replace(GOOD, status=RegistryStatus.ABNORMAL), S.REFERRED, [("ABNORMAL", None)]),
    (replace(GOOD, name="别的公司"), S.NEEDS_CORRECTION, [("NAME_DIFFERS", K.BUSINESS_LICENCE)]),
    (
        replace(GOOD, legal_person_digest=digest("别人")),
        S.NEEDS_CORRECTION,
        [("LEGAL_PERSON_DIFFERS", K.LEGAL_PERSON_IDENTITY)],
    ),
    (replace(GOOD, licence_until=date(2026, 3, 1)), S.NEEDS_CORRECTION, [("LICENCE_EXPIRED", K.BUSINESS_LICENCE)]),
    (replace(GOOD, licence_until=date(2026, 3, 2)), S.PASSED, []),
    (replace(GOOD, serious_violation=True), S.REFUSED, [("SERIOUS_VIOLATION", None)]),
    (replace(GOOD, business_scope="虚拟货币交易"), S.REFUSED, [("SCOPE_REFUSED", None)]),
    (replace(GOOD, business_scope="典当"), S.REFERRED, [("SCOPE_REFERRED", None)]),
    # The gravest counts; every finding is told.
    (
        replace(GOOD, name="别的公司", business_scope="典当", serious_violation=True),
        S.REFUSED,
        [("NAME_DIFFERS", K.BUSINESS_LICENCE), ("SERIOUS_VIOLATION", None), ("SCOPE_REFERRED", None)],
    ),
]


@pytest.mark.parametrize(("entry", "state", "found"), ENTRIES)
async def test_what_the_registry_says_is_compared(
    world: OpeningWorld, entry: RegistryEntry | None, state: S, found: list[tuple[str, K | None]]
) -> None:
    await world.uploaded()
    world.registry.entry = entry
    checked = await world.submit()
    assert (checked.state, world.codes(checked)) == (state, found)


async def test_a_document_is_corrected_and_checked_again(world: OpeningWorld, clock: FixedClock) -> None:
    await world.verified()
    await world.start()
    await world.upload(K.BUSINESS_LICENCE)
    await world.upload(K.LEGAL_PERSON_IDENTITY, valid_until=date(2026, 3, 1))
    await world.upload(K.ADDRESS_PROOF, file_of(K.BUSINESS_LICENCE))
    checked = await world.submit()
    assert (checked.state, world.codes(checked)) == (
        S.NEEDS_CORRECTION,
        [
            ("DOCUMENT_EXPIRED", K.LEGAL_PERSON_IDENTITY),
            ("SAME_FILE_TWICE", K.ADDRESS_PROOF),
            ("DOCUMENT_MISSING", K.ARTICLES),
        ],
    )
    await refused("STATE_CONFLICT", world.book())
    clock.advance(3 * DAY)
    await world.upload(K.LEGAL_PERSON_IDENTITY, valid_until=date(2030, 1, 1))
    await world.upload(K.ADDRESS_PROOF)
    await world.upload(K.ARTICLES)
    again = await world.submit()
    assert (again.state, again.reasons, again.submissions) == (S.PASSED, (), 2)
    assert again.uploaded_at == again.result_at == clock.now()
    await refused("STATE_CONFLICT", world.upload(K.ARTICLES))


PNG = b"\x89PNG\r\n\x1a\n...IEND\xaeB`\x82"


@pytest.mark.parametrize(
    ("kind", "media_type", "content", "field"),
    [
        (K.ARTICLES, "image/png", PNG, "media_type"),
        (K.BUSINESS_LICENCE, "text/html", b"<html>", "media_type"),
        (K.BUSINESS_LICENCE, "application/pdf", PNG, "content"),
        (K.BUSINESS_LICENCE, "image/jpeg", b"\xff\xd8\xff cut off", "content"),
        (K.BUSINESS_LICENCE, "image/png", PNG + bytes(2_000), "content"),
        (K.BUSINESS_LICENCE, "application/pdf", b"%PDF-" + bytes(2**21) + b"%%EOF", "content"),
    ],
)
async def test_a_file_is_what_it_says(kind: K, media_type: str, content: bytes, field: str) -> None:
    requirement = opening_data().documents[kind]
    with pytest.raises(Exception, match="INVALID_ARGUMENT") as refusal:
        check_content(requirement, media_type, content)
    assert refusal.value.params["field"] == field  # type: ignore[attr-defined]
    check_content(opening_data().documents[K.BUSINESS_LICENCE], "image/png", PNG)
    check_content(opening_data().documents[K.BUSINESS_LICENCE], "image/jpeg", b"\xff\xd8\xff...\xff\xd9")


async def test_the_applicant_signs_exactly_what_is_handed_in(world: OpeningWorld) -> None:
    opening = await world.uploaded()
    signed = {kind: one.sha256 for kind, one in opening.documents.items()}
    await world.upload(K.ARTICLES, b"%PDF-1.7 another one %%EOF")
    await refused("ASSERTION_INVALID", world.submit(signed=signed))
    await refused("ASSERTION_INVALID", world.submit(key=FIRST))
    assert (await world.submit()).state is S.PASSED


async def test_a_signer_opens_an_account_only_with_the_power_and_the_authorisation(world: OpeningWorld) -> None:
    await world.verified()
    await world.onboarding.change(admitting(1, "signer-01", FIRST), ("", LEGAL))
    await world.onboarding.change(admitting(2, "signer-02", SECOND, [Power.OPEN_ACCOUNT]), ("", LEGAL))
    await refused("PERMISSION_DENIED", world.start(signer_id="signer-01"))
    await refused("PERMISSION_DENIED", world.start(signer_id="signer-09"))
    await world.start(signer_id="signer-02")
    for kind in (K.BUSINESS_LICENCE, K.LEGAL_PERSON_IDENTITY, K.ADDRESS_PROOF, K.ARTICLES):
        await world.upload(kind)
    checked = await world.submit(key=SECOND)
    assert world.codes(checked) == [("DOCUMENT_MISSING", K.AUTHORISATION)]
    await world.upload(K.AUTHORISATION)
    await world.onboarding.change(admitting(3, "signer-02", SECOND, [], 0), ("", LEGAL))
    await refused("PERMISSION_DENIED", world.submit(key=SECOND))
    await world.onboarding.change(admitting(4, "signer-02", SECOND, [Power.OPEN_ACCOUNT]), ("", LEGAL))
    assert (await world.submit(key=SECOND)).state is S.PASSED


async def test_the_legal_person_needs_no_authorisation(world: OpeningWorld) -> None:
    await world.uploaded()
    await refused("INVALID_ARGUMENT", world.upload(K.AUTHORISATION))


async def test_one_application_of_an_enterprise_at_a_time_and_one_account(
    world: OpeningWorld, clock: FixedClock
) -> None:
    await refused("NOT_FOUND", world.start())
    await world.booked()
    await refused("ALREADY_EXISTS", world.start())
    await refused("ALREADY_EXISTS", world.start("opening-0002"))
    clock.advance(DAY)
    await world.complete()
    await world.uploaded("opening-0002")
    checked = await world.submit("opening-0002")
    assert (checked.state, world.codes(checked)[0]) == (S.REFUSED, ("ACCOUNT_EXISTS", None))


async def test_another_enterprises_document_is_looked_at_by_a_person(world: OpeningWorld) -> None:
    await world.passed()
    await world.verified(OTHER)
    await world.start("opening-0002", uscc=OTHER)
    for kind in (K.BUSINESS_LICENCE, K.ADDRESS_PROOF):
        await world.upload(kind, application_id="opening-0002", uscc=OTHER)
    # A legal person may have several enterprises; articles are one enterprise's.
    for kind in (K.LEGAL_PERSON_IDENTITY, K.ARTICLES):
        await world.upload(kind, file_of(kind), application_id="opening-0002", uscc=OTHER)
    checked = await world.submit("opening-0002", uscc=OTHER)
    assert (checked.state, world.codes(checked)) == (S.REFERRED, [("DOCUMENT_USED_ELSEWHERE", K.ARTICLES)])


async def test_a_person_settles_what_was_referred(world: OpeningWorld, clock: FixedClock) -> None:
    referred = await world.referred()
    assert (referred.state, referred.result_at) == (S.REFERRED, None)
    await refused("STATE_CONFLICT", world.submit())
    clock.advance(3 * DAY)
    report = await world.reviews.report(date(2026, 3, 1), date(2026, 3, 31))
    assert (report.results, report.waiting, report.late) == (0, 1, 1)

    async def review(finding: Finding | None) -> S:
        return (await world.run(lambda: world.reviews.review(OPERATOR, OPENING, finding))).state

    await refused("INVALID_ARGUMENT", review(Finding("DOCUMENT_UNREADABLE")))
    await refused("INVALID_ARGUMENT", review(Finding("BUSINESS_NOT_PLAUSIBLE", K.ARTICLES)))
    assert await review(Finding("DOCUMENT_UNREADABLE", K.ARTICLES)) is S.NEEDS_CORRECTION
    await world.upload(K.ARTICLES, b"%PDF-1.7 a clear one %%EOF")
    assert (await world.submit()).state is S.REFERRED
    assert await review(None) is S.PASSED
    await refused("STATE_CONFLICT", review(None))
    # What the person accepted does not stop the visit.
    await world.book(day=date(2026, 3, 6))
    clock.advance(DAY)
    assert (await world.complete()).state is S.OPENED


async def test_a_person_may_refuse(world: OpeningWorld) -> None:
    await world.referred()
    refusal = Finding("BUSINESS_NOT_PLAUSIBLE")
    reviewed = await world.run(lambda: world.reviews.review(OPERATOR, OPENING, refusal))
    assert (reviewed.state, world.codes(reviewed)) == (S.REFUSED, [("BUSINESS_NOT_PLAUSIBLE", None)])


@pytest.mark.parametrize(
    ("entry", "state", "code"),
    [
        (None, S.REFUSED, "NOT_REGISTERED"),
        (replace(GOOD, status=RegistryStatus.REVOKED), S.REFUSED, "REVOKED"),
        (replace(GOOD, status=RegistryStatus.ABNORMAL), S.REFERRED, "ABNORMAL"),
        (replace(GOOD, licence_until=date(2026, 3, 2)), S.NEEDS_CORRECTION, "LICENCE_EXPIRED"),
        (replace(GOOD, name="沙盒新名"), S.NEEDS_CORRECTION, "NAME_DIFFERS"),
    ],
)
async def test_the_registry_is_asked_again_at_the_visit(
    world: OpeningWorld, clock: FixedClock, entry: RegistryEntry | None, state: S, code: str
) -> None:
    await world.booked()
    clock.advance(DAY)
    world.registry.entry = entry
    stopped = await world.complete()
    assert (stopped.state, stopped.account_number, stopped.reasons[0].code) == (state, None, code)
    await refused("STATE_CONFLICT", world.complete())


async def test_what_was_missing_at_the_visit_is_told_and_another_one_booked(
    world: OpeningWorld, clock: FixedClock
) -> None:
    await world.booked()
    clock.advance(DAY)
    missing = [Finding("ORIGINAL_MISSING", K.ARTICLES), Finding("APPLICANT_ABSENT")]
    missed = await world.run(lambda: world.visits.miss(OPERATOR, OPENING, missing))
    assert (missed.state, missed.visit) == (S.INCOMPLETE, None)
    assert world.codes(missed) == [("ORIGINAL_MISSING", K.ARTICLES), ("APPLICANT_ABSENT", None)]
    await refused("STATE_CONFLICT", world.complete())
    await world.book("14:00")
    assert (await world.complete()).state is S.OPENED


async def test_an_account_number_is_one_enterprises(world: OpeningWorld, clock: FixedClock) -> None:
    await world.booked()
    await world.passed("opening-0002", OTHER)
    await world.book(application_id="opening-0002", uscc=OTHER)
    clock.advance(DAY)
    await world.complete()
    await refused("ALREADY_EXISTS", world.complete("opening-0002"))


async def test_nobody_reads_what_is_not_theirs(world: OpeningWorld) -> None:
    await world.booked()
    await refused("NOT_FOUND", world.openings.get(OTHER, OPENING))
    await refused("NOT_FOUND", world.upload(K.ARTICLES, uscc=OTHER))
    await refused("NOT_FOUND", world.book(uscc=OTHER))
    await refused("NOT_FOUND", world.run(lambda: world.visits.cancel(OTHER, OPENING)))
    await refused("NOT_FOUND", world.run(lambda: world.openings.withdraw(OTHER, OPENING)))
    assert (await world.openings.list(OTHER, None, 10, "")).items == ()
    assert len((await world.openings.list(None, S.BOOKED, 10, "")).items) == 1
    assert (await world.openings.list(None, S.DRAFT, 10, "")).items == ()


async def test_slots_moving_and_cancelling(world: OpeningWorld) -> None:
    await world.passed()
    free = {branch.branch_code: slots for branch, slots in await world.visits.free(WEDNESDAY)}
    assert (free["SB01"]["09:00"], free["SB02"]) == (3, {"09:00": 1, "10:00": 2, "14:00": 2})
    await world.book(branch="SB02", day=WEDNESDAY)
    assert dict((b.branch_code, s) for b, s in await world.visits.free(WEDNESDAY))["SB02"]["09:00"] == 0
    # Its own place is no obstacle.
    await world.book(branch="SB02", day=WEDNESDAY)
    moved = await world.book("10:00", branch="SB02", day=WEDNESDAY)
    assert (moved.state, moved.visit and moved.visit.slot) == (S.BOOKED, "10:00")
    assert await VisitRow.all().count() == 1
    cancelled = await world.run(lambda: world.visits.cancel(USCC, OPENING))
    assert (cancelled.state, cancelled.visit, await VisitRow.all().count()) == (S.PASSED, None, 0)
    await refused("STATE_CONFLICT", world.run(lambda: world.visits.cancel(USCC, OPENING)))


@pytest.mark.parametrize(
    ("branch", "day", "slot", "code"),
    [
        ("SB09", TUESDAY, "09:00", "NOT_FOUND"),
        # Not a weekday of this branch, a Saturday, the Qingming festival.
        ("SB02", TUESDAY, "09:00", "INVALID_ARGUMENT"),
        ("SB01", date(2026, 3, 7), "09:00", "INVALID_ARGUMENT"),
        ("SB01", date(2026, 4, 6), "09:00", "INVALID_ARGUMENT"),
        ("SB01", TUESDAY, "09:15", "INVALID_ARGUMENT"),
        # Today, in half an hour; yesterday; too far ahead.
        ("SB01", date(2026, 3, 2), "10:30", "INVALID_ARGUMENT"),
        ("SB01", date(2026, 3, 1), "10:30", "INVALID_ARGUMENT"),
        ("SB01", date(2026, 4, 2), "10:30", "INVALID_ARGUMENT"),
    ],
)
async def test_nobody_comes_when_nobody_is_there(
    world: OpeningWorld, branch: str, day: date, slot: str, code: str
) -> None:
    await world.passed()
    await refused(code, world.book(slot, branch=branch, day=day))
    assert await VisitRow.all().count() == 0


def test_every_reason_is_told_in_both_languages_and_leads_somewhere() -> None:
    data = opening_data()
    for code, text in data.reasons.items():
        assert ("{document}" in text.zh) == ("{document}" in text.en), code
        if text.outcome is not Outcome.INCOMPLETE:
            assert outcome_of(data, [Finding(code)]) is not OpeningEvent.PASS, code
    assert outcome_of(data, []) is OpeningEvent.PASS


@pytest.mark.parametrize(
    ("uploaded", "due"),
    [
        # A Friday; Saturday, 14 February 2026, is worked.
        (datetime(2026, 2, 13, 2, tzinfo=UTC), date(2026, 2, 14)),
        # Before the spring festival, which ends on the 23rd.
        (datetime(2026, 2, 14, 2, tzinfo=UTC), date(2026, 2, 24)),
        # Friday in Greenwich, Saturday in China.
        (datetime(2026, 3, 6, 17, tzinfo=UTC), date(2026, 3, 9)),
        # Beyond the table of holidays.
        (datetime(2040, 3, 2, 2, tzinfo=UTC), date(2040, 3, 5)),
    ],
)
def test_a_result_is_due_at_the_end_of_the_next_working_day(uploaded: datetime, due: date) -> None:
    end = datetime(due.year, due.month, due.day, tzinfo=UTC) + timedelta(hours=16)
    assert due_time(opening_data(), uploaded) == end
