"""What the bank's people do with applications for accounts: read documents, settle what the check left open, count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from huilian_protocol.errors import HuilianError

from hub.onboarding import stored_openings as stored
from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.opening_files import OpeningFiles, key_name
from hub.onboarding.opening_rules import Finding, UploadedDocument
from hub.onboarding.opening_states import OpeningState
from hub.onboarding.stored_openings import Opening
from hub.platform.business_day import start_of_day

REPORT_DAYS_AT_MOST, FIRST_YEAR, LAST_YEAR = 366, 2000, 9000
_OF_A_DOCUMENT = ("DOCUMENT_UNREADABLE", "DOCUMENT_NOT_THEIRS")


@dataclass(frozen=True, slots=True)
class Report:
    """How many results came in a time, how many of them in time; how many wait for a person, how many of them late."""

    results: int
    in_time: int
    waiting: int
    late: int


class OpeningReviews:
    """Use cases of operators; each runs inside the caller's transaction."""

    def __init__(self, files: OpeningFiles) -> None:
        self._files = files

    async def review(self, operator: str, application_id: str, finding: Finding | None) -> Opening:
        """Settle a referred application; None lets it pass, and what it was referred for is accepted.

        Raises NOT_FOUND, STATE_CONFLICT, INVALID_ARGUMENT (a finding at a document that is not on file, or at none).
        """
        opening = await self._files.locked(None, application_id)
        if opening.state is not OpeningState.REFERRED:
            raise HuilianError("STATE_CONFLICT", "nothing waits for a person", state=opening.state)
        if finding is not None and (finding.code in _OF_A_DOCUMENT) != (finding.kind in opening.documents):
            raise HuilianError("INVALID_ARGUMENT", "name the document that it is about", field="kind")
        accepted = () if finding is not None else (*opening.accepted, *(one.code for one in opening.reasons))
        findings = [finding] if finding is not None else []
        reviewed = await self._files.conclude(opening, findings, accepted=accepted)
        await self._files.records.add("reviewed", reviewed, {"operator": operator})
        return reviewed

    async def note_reading(
        self, operator: str, application_id: str, kind: DocumentKind, request_id: str
    ) -> UploadedDocument:
        """Write down that an operator is shown a document. Raises NOT_FOUND, also once it was destroyed."""
        opening = await self._files.get(None, application_id)
        if kind not in opening.documents or opening.destroyed_at is not None:
            raise HuilianError("NOT_FOUND", resource="document")
        await self._files.records.reading(opening, operator, kind, request_id)
        return opening.documents[kind]

    async def content(self, application_id: str, kind: DocumentKind) -> bytes:
        """A document's content, once its reading is written down. Raises NOT_FOUND, also once it was destroyed."""
        encrypted = await stored.content(application_id, kind)
        if encrypted is None:
            raise HuilianError("NOT_FOUND", resource="document")
        return await self._files.vault.decrypt_for_subject(key_name(application_id), encrypted)

    async def report(self, first: date, last: date) -> Report:
        """Of the results that came from one day in China to another, both included.

        Raises INVALID_ARGUMENT for days that are not in order, more than a year apart or of another age.
        """
        days = (last - first).days
        if not 0 <= days <= REPORT_DAYS_AT_MOST or not FIRST_YEAR <= first.year <= LAST_YEAR:
            raise HuilianError("INVALID_ARGUMENT", "at most a year", field="last_day")
        results, in_time = await stored.count_results(start_of_day(first), start_of_day(last + timedelta(days=1)))
        return Report(results, in_time, *await stored.count_waiting(self._files.now()))
