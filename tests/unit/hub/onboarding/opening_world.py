"""Applications for accounts on a real database, with the real vault; registry and log are fakes of the ports."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.signers import OpeningSubmission, sign_statement

from hub.onboarding.opening_data import DocumentKind, opening_data
from hub.onboarding.opening_files import OpeningFiles
from hub.onboarding.opening_reviews import OpeningReviews
from hub.onboarding.openings import Openings, Submission, Upload
from hub.onboarding.store import OpeningDocumentRow, OpeningRow, VisitRow
from hub.onboarding.stored_openings import Opening
from hub.onboarding.visits import Visits, Wish
from hub.platform.database import Database
from hub.platform.store import SubjectKey
from hub.platform.vault import SubjectVault, Wrapping
from tests.unit.hub.onboarding.test_onboarding import APPLICANT, GOOD, LEGAL, NAME, SALT, USCC, World, digest

Answer = TypeVar("Answer")
K = DocumentKind
OPENING = "opening-0001"
ACCOUNT = "6222000000000001"
OPERATOR = "operator.desk"
# The fixture's clock stands at Monday, 2 March 2026, 10:00 in China.
TUESDAY = date(2026, 3, 3)
OF_LEGAL_PERSON = [kind for kind in K if kind is not K.AUTHORISATION]
TABLES = (OpeningRow, OpeningDocumentRow, VisitRow, SubjectKey)


def file_of(kind: DocumentKind, owner: str = USCC) -> bytes:
    """A whole PDF of an enterprise's own."""
    return f"%PDF-1.7\n{owner} {kind} 沙盒机密\n%%EOF\n".encode()


@dataclass
class CountingRandom:
    """Never the same bytes twice, the same ones in every run."""

    numbers: Any = field(default_factory=itertools.count)

    def __call__(self, size: int) -> bytes:
        return hashlib.sha512(str(next(self.numbers)).encode()).digest()[:size]


class OpeningWorld:
    """Everything a test needs. Calls run in a transaction of their own, as at the edge."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock = database, clock
        self.onboarding = World(database, clock)
        self.registry, self.ledger = self.onboarding.registry, self.onboarding.ledger
        random = CountingRandom()
        self.vault = SubjectVault(database, Wrapping(bytes(32), random), random, clock)
        self.files = OpeningFiles(database, clock, self.registry, self.ledger, self.vault)
        self.openings, self.visits, self.reviews = Openings(self.files), Visits(self.files), OpeningReviews(self.files)

    async def run(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        """One use case in one transaction."""
        async with self.database.transaction():
            return await use_case()

    async def verified(self, uscc: str = USCC) -> None:
        """An enterprise of which the registry knows, with the same legal person."""
        await self.onboarding.verify(replace(APPLICANT, uscc=uscc))

    async def start(self, application_id: str = OPENING, signer_id: str = "", uscc: str = USCC) -> Opening:
        return await self.run(lambda: self.openings.start(uscc, application_id, signer_id))

    async def upload(
        self,
        kind: DocumentKind,
        content: bytes | None = None,
        *,
        media_type: str = "application/pdf",
        valid_until: date | None = None,
        application_id: str = OPENING,
        uscc: str = USCC,
    ) -> Opening:
        made = Upload(kind, media_type, file_of(kind, uscc) if content is None else content, valid_until)
        return await self.run(lambda: self.openings.upload(uscc, application_id, made))

    async def submit(
        self,
        application_id: str = OPENING,
        *,
        key: ec.EllipticCurvePrivateKey = LEGAL,
        name: str = NAME,
        uscc: str = USCC,
        signed: Mapping[DocumentKind, bytes] | None = None,
    ) -> Opening:
        """Handed in with a signature over what is on file, or over `signed` instead."""
        opening = await self.openings.get(None, application_id)
        digests = signed or {kind: one.sha256 for kind, one in opening.documents.items()}
        documents = {kind.value: sha256 for kind, sha256 in digests.items()}
        statement = OpeningSubmission(uscc, application_id, opening.submissions + 1, opening.signer_id, documents)
        submission = Submission(digest(name), sign_statement(key, statement))
        entry = await self.openings.ask_registry(uscc, SALT)
        return await self.run(lambda: self.openings.submit(uscc, application_id, submission, entry))

    async def uploaded(self, application_id: str = OPENING, uscc: str = USCC) -> Opening:
        """Begun by the legal person, with every document."""
        await self.verified(uscc)
        opening = await self.start(application_id, uscc=uscc)
        for kind in OF_LEGAL_PERSON:
            opening = await self.upload(kind, application_id=application_id, uscc=uscc)
        return opening

    async def passed(self, application_id: str = OPENING, uscc: str = USCC) -> Opening:
        """Checked, without a finding."""
        await self.uploaded(application_id, uscc)
        return await self.submit(application_id, uscc=uscc)

    async def book(
        self,
        slot: str = "09:00",
        *,
        branch: str = "SB01",
        day: date = TUESDAY,
        application_id: str = OPENING,
        uscc: str = USCC,
    ) -> Opening:
        return await self.run(lambda: self.visits.book(uscc, application_id, Wish(branch, day, slot)))

    async def booked(self) -> Opening:
        """Passed, with a visit on Tuesday."""
        await self.passed()
        return await self.book()

    async def complete(self, application_id: str = OPENING, account: str = ACCOUNT) -> Opening:
        opening = await self.openings.get(None, application_id)
        entry = await self.openings.ask_registry(opening.uscc, bytes(32))
        return await self.run(lambda: self.visits.complete(OPERATOR, application_id, account, entry))

    async def referred(self) -> Opening:
        """Left to a person, for a pawnbroker's scope."""
        self.registry.entry = replace(GOOD, business_scope="典当业务")
        return await self.passed()

    async def snapshot(self) -> list[object]:
        """Every row: equal before and after means that nothing changed."""
        return [sorted(map(repr, await table.all().values())) for table in TABLES] + [list(self.ledger.records)]

    def codes(self, opening: Opening) -> list[tuple[str, DocumentKind | None]]:
        """The findings of an application."""
        for finding in opening.reasons:
            text = opening_data().reasons[finding.code]
            assert text.zh and text.en
        return [(one.code, one.kind) for one in opening.reasons]
