"""SQL of applications for accounts, their documents and visits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from tortoise.expressions import Q

from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.opening_rules import Finding, UploadedDocument
from hub.onboarding.opening_states import OpeningEvent, OpeningState, next_state
from hub.onboarding.store_openings import OpeningDocumentRow, OpeningRow, VisitRow
from hub.platform.paging import Page, after_token, page_of

_DOCUMENT = ("media_type", "size_bytes", "valid_until", "uploaded_at")
_S = OpeningState
# Documents that are one enterprise's alone; a legal person may have several enterprises.
_OF_ONE_ENTERPRISE = frozenset(DocumentKind) - {DocumentKind.LEGAL_PERSON_IDENTITY}


@dataclass(frozen=True, slots=True)
class Visit:
    """A booked place."""

    branch_code: str
    day: date
    slot: str
    place: int


@dataclass(frozen=True)
class Opening:
    """One application with its documents (without content) and its visit."""

    application_id: str
    uscc: str
    name: str
    signer_id: str
    state: OpeningState
    created_at: datetime
    changed_at: datetime
    reasons: tuple[Finding, ...] = ()
    accepted: tuple[str, ...] = ()
    submissions: int = 0
    steps: int = 0
    account_number: str | None = None
    uploaded_at: datetime | None = None
    result_at: datetime | None = None
    due_at: datetime | None = None
    opened_at: datetime | None = None
    destroyed_at: datetime | None = None
    closed_on: date | None = None
    documents: Mapping[DocumentKind, UploadedDocument] = field(default_factory=dict)
    visit: Visit | None = None

    @property
    def by_signer(self) -> bool:
        """Whether a signer, and not the legal person, hands it in."""
        return bool(self.signer_id)


_MADE = ("state", "reasons", "accepted", "documents", "visit")
_OWN = tuple(one.name for one in fields(Opening) if one.name not in _MADE)


async def add(opening: Opening) -> None:
    """Write a new application."""
    await OpeningRow.create(**_columns(opening))


async def find(application_id: str) -> Opening | None:
    """An application, or None."""
    row = await OpeningRow.get_or_none(application_id=application_id)
    return None if row is None else (await _whole([row]))[0]


async def move(opening: Opening, event: OpeningEvent, now: datetime, **changes: Any) -> Opening:
    """The application after an event, with other columns changed. Raises STATE_CONFLICT for what cannot happen."""
    after = replace(opening, state=next_state(opening.state, event), steps=opening.steps + 1, **changes)
    after = replace(after, changed_at=now)
    rows = OpeningRow.filter(application_id=opening.application_id, state=opening.state.value)
    columns = _columns(after)
    del columns["application_id"]
    if await rows.update(**columns) != 1:
        raise AssertionError("an application is changed under its lock only")
    return after


async def open_of(uscc: str) -> bool:
    """Whether an application of an enterprise goes on."""
    return await OpeningRow.filter(open_uscc=uscc).exists()


async def has_account(uscc: str) -> bool:
    """Whether an account was opened for an enterprise and not closed again."""
    return await OpeningRow.filter(uscc=uscc, state=_S.OPENED.value, closed_on=None).exists()


async def is_account(account_number: str) -> bool:
    """Whether an account of this number was opened."""
    return await OpeningRow.filter(account_number=account_number).exists()


async def page(uscc: str | None, state: OpeningState | None, size: int, token: str) -> Page[Opening]:
    """Applications of one enterprise or of all, in one state or in any, newest first. Raises INVALID_ARGUMENT."""
    wanted = Q(**({"uscc": uscc} if uscc else {}), **({"state": state.value} if state else {}))
    query = OpeningRow.filter(wanted & after_token(token, OpeningRow, "application_id"))
    rows = await query.order_by("-created_at", "-application_id").limit(size + 1)
    made = {one.application_id: one for one in await _whole(rows)}
    return page_of(rows, size, "application_id", lambda row: made[row.application_id])


async def put_document(opening: Opening, document: UploadedDocument, content: bytes) -> None:
    """Write an encrypted document in the place of the one before."""
    columns = {name: getattr(document, name) for name in _DOCUMENT}
    columns |= {"sha256": document.sha256.hex(), "content": content, "uscc": opening.uscc}
    await OpeningDocumentRow.update_or_create(
        application_id=opening.application_id, kind=document.kind.value, defaults=columns
    )


async def content(application_id: str, kind: DocumentKind) -> bytes | None:
    """A document as it is stored, encrypted; None when there is none or it was destroyed."""
    row = await OpeningDocumentRow.get_or_none(application_id=application_id, kind=kind.value)
    return None if row is None or row.content is None else bytes(row.content)


async def set_destroyed(application_id: str, now: datetime) -> None:
    """Note that the documents of an application are destroyed."""
    await OpeningRow.filter(application_id=application_id).update(destroyed_at=now)


async def set_closed(application_id: str, day: date) -> None:
    """Note on which day the account of an application was closed."""
    await OpeningRow.filter(application_id=application_id).update(closed_on=day)


async def closed_before(day: date, limit: int) -> list[str]:
    """Applications with documents whose accounts were closed before a day, the longest ago first."""
    rows = OpeningRow.filter(closed_on__lt=day, destroyed_at=None)
    return [row.application_id for row in await rows.order_by("closed_on", "application_id").limit(limit)]


async def drop_contents(application_id: str) -> None:
    """Forget the encrypted documents of an application; what they were, by their SHA-256, stays."""
    await OpeningDocumentRow.filter(application_id=application_id).update(content=None)


async def used_elsewhere(opening: Opening) -> frozenset[DocumentKind]:
    """The documents of an application that another enterprise handed in as well."""
    own = {kind: one.sha256.hex() for kind, one in opening.documents.items() if kind in _OF_ONE_ENTERPRISE}
    if not own:
        return frozenset()
    kinds = [kind.value for kind in _OF_ONE_ENTERPRISE]
    found = OpeningDocumentRow.filter(sha256__in=list(own.values()), kind__in=kinds).exclude(uscc=opening.uscc)
    others = {row.sha256 for row in await found.only("id", "sha256")}
    return frozenset(kind for kind, digest in own.items() if digest in others)


async def taken_places(branch_code: str, day: date, slot: str | None = None) -> list[tuple[str, int]]:
    """The booked places of a branch on a day, at one time or at any: time and number."""
    query = VisitRow.filter(branch_code=branch_code, day=day, **({"slot": slot} if slot else {}))
    return [(row.slot, row.place) for row in await query]


async def put_visit(application_id: str, visit: Visit | None) -> None:
    """Write the visit of an application, or that there is none."""
    await VisitRow.filter(application_id=application_id).delete()
    if visit is not None:
        own = {one.name: getattr(visit, one.name) for one in fields(Visit)}
        await VisitRow.create(application_id=application_id, **own)


async def left_alone(states: Collection[OpeningState], since: datetime, limit: int) -> list[str]:
    """Applications in these states with documents, with which nothing happened since."""
    names = [state.value for state in states]
    rows = OpeningRow.filter(state__in=names, changed_at__lt=since, destroyed_at=None)
    return [row.application_id for row in await rows.order_by("changed_at").limit(limit)]


async def count_results(first: datetime, end: datetime) -> tuple[int, int]:
    """The applications whose newest result came from `first` to before `end`, and those of them in time."""
    rows = await OpeningRow.filter(result_at__gte=first, result_at__lt=end).only("result_at", "due_at")
    on_time = sum(row.due_at is not None and row.result_at is not None and row.result_at < row.due_at for row in rows)
    return len(rows), on_time


async def count_waiting(now: datetime) -> tuple[int, int]:
    """The applications that wait for a person, and those of them whose result is late."""
    waiting = OpeningRow.filter(state=_S.REFERRED.value)
    return await waiting.count(), await waiting.filter(due_at__lte=now).count()


def _columns(opening: Opening) -> dict[str, Any]:
    own = {name: getattr(opening, name) for name in _OWN}
    reasons = [[one.code, one.kind.value if one.kind else ""] for one in opening.reasons]
    open_uscc = None if opening.state.over else opening.uscc
    made = {"state": opening.state.value, "reasons": reasons, "accepted": list(opening.accepted)}
    return {**own, **made, "open_uscc": open_uscc}


async def _whole(rows: Iterable[OpeningRow]) -> list[Opening]:
    """The rows with what belongs to them, by two statements however many they are."""
    ids = [row.application_id for row in rows]
    documents: dict[str, dict[DocumentKind, UploadedDocument]] = {one: {} for one in ids}
    columns = ("application_id", "kind", "sha256", *_DOCUMENT)
    for read in await OpeningDocumentRow.filter(application_id__in=ids).only("id", *columns):
        document = _document(read)
        documents[read.application_id][document.kind] = document
    visits = {one.application_id: _visit(one) for one in await VisitRow.filter(application_id__in=ids)}
    return [_opening(row, documents[row.application_id], visits.get(row.application_id)) for row in rows]


def _opening(row: OpeningRow, documents: Mapping[DocumentKind, UploadedDocument], visit: Visit | None) -> Opening:
    own = {name: getattr(row, name) for name in _OWN}
    reasons = tuple(Finding(code, DocumentKind(kind) if kind else None) for code, kind in row.reasons)
    made: dict[str, Any] = {"reasons": reasons, "documents": documents, "visit": visit}
    made |= {"accepted": tuple(row.accepted)}
    return Opening(**own, state=_S(row.state), **made)


def _document(row: OpeningDocumentRow) -> UploadedDocument:
    own = {name: getattr(row, name) for name in _DOCUMENT}
    return UploadedDocument(kind=DocumentKind(row.kind), sha256=bytes.fromhex(row.sha256), **own)


def _visit(row: VisitRow) -> Visit:
    return Visit(row.branch_code, row.day, row.slot, row.place)
