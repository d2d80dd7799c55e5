"""What a document must be, and what the check of an application finds. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from huilian_protocol.errors import HuilianError

from hub.onboarding.opening_data import Branch, DocumentKind, OpeningData, Outcome, Requirement
from hub.onboarding.opening_states import OpeningEvent
from hub.onboarding.ports import RegistryEntry, RegistryStatus
from hub.platform.business_day import BUSINESS_ZONE, business_date, start_of_day
from hub.platform.working_days import CalendarEnds, is_working_day, working_day_after

# How a file of a media type begins and ends (ISO 32000-1 §7.5, ISO/IEC 10918-1 Annex B, PNG §5.2 and §11.2.5).
_FRAMES: Mapping[str, tuple[bytes, bytes]] = {
    "application/pdf": (b"%PDF-", b"%%EOF"),
    "image/jpeg": (b"\xff\xd8\xff", b"\xff\xd9"),
    "image/png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
}
# Writers may put a little behind the end.
_END_WITHIN_BYTES = 1024
_EVENTS = {
    Outcome.REFUSED: OpeningEvent.REFUSE,
    Outcome.NEEDS_CORRECTION: OpeningEvent.CORRECT,
    Outcome.REFERRED: OpeningEvent.REFER,
}


@dataclass(frozen=True, slots=True)
class UploadedDocument:
    """A document as it is on file, without its content."""

    kind: DocumentKind
    media_type: str
    size_bytes: int
    sha256: bytes
    valid_until: date | None
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason, by its code, and the document that it is found at."""

    code: str
    kind: DocumentKind | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What the check looks at. `used_elsewhere` are the documents that another enterprise handed in before."""

    name: str
    legal_person_commitment: bytes
    by_signer: bool
    documents: Mapping[DocumentKind, UploadedDocument]
    used_elsewhere: frozenset[DocumentKind]
    has_account: bool


def check_content(requirement: Requirement, media_type: str, content: bytes) -> None:
    """Raise INVALID_ARGUMENT unless a file is of an allowed type and size and is what its type says, to its end."""
    if media_type not in requirement.media_types:
        raise HuilianError("INVALID_ARGUMENT", f"one of {', '.join(requirement.media_types)}", field="media_type")
    if len(content) > requirement.most_bytes:
        raise HuilianError("INVALID_ARGUMENT", f"at most {requirement.most_bytes} bytes", field="content")
    head, tail = _FRAMES[media_type]
    if not content.startswith(head) or tail not in content[-_END_WITHIN_BYTES:]:
        raise HuilianError("INVALID_ARGUMENT", f"not a whole file of type {media_type}", field="content")


def examine(data: OpeningData, application: Application, entry: RegistryEntry | None, today: date) -> list[Finding]:
    """Every reason why an application does not pass, in the order of the rules."""
    found = list(_of_registry(data, application, entry, today))
    if application.has_account:
        found.append(Finding("ACCOUNT_EXISTS"))
    found += _of_documents(data, application, today)
    return found


def examine_standing(data: OpeningData, entry: RegistryEntry | None, name: str, today: date) -> list[Finding]:
    """What the registry says against an application at the visit; who the legal person is, the branch sees."""
    if entry is None:
        return [Finding("NOT_REGISTERED")]
    found = [Finding("NAME_DIFFERS", DocumentKind.BUSINESS_LICENCE)] if entry.name != name else []
    found += list(_of_standing(data, entry, today))
    return found


def outcome_of(data: OpeningData, findings: Sequence[Finding]) -> OpeningEvent:
    """What findings lead to: the gravest counts, and what can be corrected is corrected before a person looks."""
    outcomes = {data.reasons[finding.code].outcome for finding in findings}
    return next((_EVENTS[outcome] for outcome in _EVENTS if outcome in outcomes), OpeningEvent.PASS)


def check_day(data: OpeningData, now: datetime, day: date) -> None:
    """Raise INVALID_ARGUMENT for a day on which nobody can come."""
    today = business_date(now)
    if not today <= day <= today + timedelta(days=data.book_ahead_days):
        raise HuilianError("INVALID_ARGUMENT", f"within {data.book_ahead_days} days from today", field="day")


def is_open(branch: Branch, day: date) -> bool:
    """Whether a branch takes visits on a day. Raises INVALID_ARGUMENT for a day beyond the table of holidays."""
    try:
        return is_working_day(day) and day.weekday() in branch.weekdays
    except CalendarEnds as error:
        raise HuilianError("INVALID_ARGUMENT", str(error), field="day") from error


def places(data: OpeningData, branch: Branch, day: date, slot: str, now: datetime) -> int:
    """How many may come at a time that is still to come, and not at once; 0 for none."""
    if slot not in branch.slots or not is_open(branch, day):
        return 0
    begins = datetime.fromisoformat(f"{day.isoformat()}T{slot}").replace(tzinfo=BUSINESS_ZONE)
    return branch.slots[slot] if begins >= now + timedelta(minutes=data.book_ahead_minutes) else 0


def due_time(data: OpeningData, uploaded_at: datetime) -> datetime:
    """When the result is due: the end of the working day after the upload, in China.

    Beyond the table of holidays weekends alone are left out: a promise must not fail for want of a table.
    """
    day = business_date(uploaded_at)
    try:
        last = working_day_after(day, data.result_working_days)
    except CalendarEnds:
        last = day + timedelta(days=data.result_working_days + (2 if day.weekday() >= 4 else 0))
    return start_of_day(last + timedelta(days=1))


def queue_number(branch_code: str, day: date, slot: str, seat: int) -> str:
    """What is shown at the branch."""
    return f"{branch_code}-{day:%m%d}-{slot.replace(':', '')}-{seat}"


def _of_registry(
    data: OpeningData, application: Application, entry: RegistryEntry | None, today: date
) -> Iterator[Finding]:
    if entry is None:
        yield Finding("NOT_REGISTERED")
        return
    if entry.name != application.name:
        yield Finding("NAME_DIFFERS", DocumentKind.BUSINESS_LICENCE)
    if not hmac.compare_digest(entry.legal_person_digest, application.legal_person_commitment):
        yield Finding("LEGAL_PERSON_DIFFERS", DocumentKind.LEGAL_PERSON_IDENTITY)
    yield from _of_standing(data, entry, today)


def _of_standing(data: OpeningData, entry: RegistryEntry, today: date) -> Iterator[Finding]:
    if entry.status is not RegistryStatus.IN_BUSINESS:
        yield Finding(entry.status.value)
    if entry.serious_violation:
        yield Finding("SERIOUS_VIOLATION")
    if entry.licence_until is not None and entry.licence_until < today:
        yield Finding("LICENCE_EXPIRED", DocumentKind.BUSINESS_LICENCE)
    if any(word in entry.business_scope for word in data.scope_refused):
        yield Finding("SCOPE_REFUSED")
    elif any(word in entry.business_scope for word in data.scope_referred):
        yield Finding("SCOPE_REFERRED")


def _of_documents(data: OpeningData, application: Application, today: date) -> Iterator[Finding]:
    seen: set[bytes] = set()
    for requirement in data.needed(application.by_signer):
        document = application.documents.get(requirement.kind)
        if document is None:
            yield Finding("DOCUMENT_MISSING", requirement.kind)
            continue
        if document.valid_until is not None and document.valid_until < today:
            yield Finding("DOCUMENT_EXPIRED", requirement.kind)
        if document.sha256 in seen:
            yield Finding("SAME_FILE_TWICE", requirement.kind)
        if requirement.kind in application.used_elsewhere:
            yield Finding("DOCUMENT_USED_ELSEWHERE", requirement.kind)
        seen.add(document.sha256)


def years_before(day: date, years: int) -> date:
    """The same day so many years before; of the 29th of February, where that year has none, the 28th: then
    something is kept a day longer, never shorter.
    """
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)


def kept_until(closed_on: date, years: int) -> date:
    """The last day on which what was closed on a day is kept: afterwards that day lies before `years_before`."""
    try:
        day = closed_on.replace(year=closed_on.year + years)
    except ValueError:
        day = date(closed_on.year + years, 2, 28)
    following = day + timedelta(days=1)
    return following if years_before(following, years) <= closed_on else day
