"""Applications for accounts (小微企业开户预审) as their enterprise uses them: start, upload, hand in, withdraw, read.

A document is encrypted under its application's own key: once that is destroyed nobody reads it any more, while its
SHA-256 and the log still say what was checked. Locks: application, then enterprise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key
from huilian_protocol.signers import OpeningSubmission, Power, verify_statement

from hub.onboarding import opening_rules as rules
from hub.onboarding import store
from hub.onboarding import stored_openings as stored
from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.opening_files import OpeningFiles, key_name
from hub.onboarding.opening_rules import Application, UploadedDocument
from hub.onboarding.opening_states import OpeningEvent, OpeningState, next_state
from hub.onboarding.ports import RegistryEntry
from hub.onboarding.rules import check_uscc
from hub.onboarding.stored_openings import Opening
from hub.platform.business_day import business_date
from hub.platform.paging import Page

_E, _S = OpeningEvent, OpeningState
# Nobody can book as far ahead as an application is kept: a visit that old was not held.
_IDLE = (_S.DRAFT, _S.NEEDS_CORRECTION, _S.PASSED, _S.BOOKED, _S.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    kind: DocumentKind
    media_type: str
    content: bytes
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Submission:
    """What an applicant says with an application: who the legal person is, and a signature over all of it."""

    legal_person_commitment: bytes
    signature: bytes


class Openings:
    """Use cases; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, files: OpeningFiles) -> None:
        self._files = files

    async def start(self, uscc: str, application_id: str, signer_id: str) -> Opening:
        """Begin an application, to be handed in by a signer or (empty) the legal person.

        Raises ALREADY_EXISTS (the id, or another application of this enterprise goes on), NOT_FOUND (never compared
        with the registry), PERMISSION_DENIED (no such signer, or without the power), USCC_MALFORMED.
        """
        await self._files.lock(application_id)
        await self._files.database.lock("opening-of", check_uscc(uscc))
        if await stored.find(application_id) is not None:
            raise HuilianError("ALREADY_EXISTS", resource="account opening")
        if await stored.open_of(uscc):
            raise HuilianError("ALREADY_EXISTS", "another application goes on", resource="account opening")
        verification = await store.verification(uscc)
        if verification is None:
            raise HuilianError("NOT_FOUND", resource="verification")
        await _key_of_applicant(uscc, signer_id)
        now = self._files.now()
        opening = Opening(application_id, uscc, verification.name, signer_id, _S.DRAFT, now, now)
        await stored.add(opening)
        await self._files.records.add("started", opening)
        return opening

    async def upload(self, uscc: str, application_id: str, upload: Upload) -> Opening:
        """Keep a document, encrypted, in the place of the one before.

        Raises NOT_FOUND, STATE_CONFLICT, INVALID_ARGUMENT (type, size, not a whole file, of no use here).
        """
        opening = await self._files.locked(uscc, application_id)
        next_state(opening.state, _E.UPLOAD)
        requirement = self._files.data.documents[upload.kind]
        if requirement.of_signers_only and not opening.by_signer:
            raise HuilianError("INVALID_ARGUMENT", "not needed of the legal person", field="kind")
        rules.check_content(requirement, upload.media_type, upload.content)
        now = self._files.now()
        document = _document(upload, now)
        encrypted = await self._files.vault.encrypt_for_subject(key_name(application_id), upload.content)
        await stored.put_document(opening, document, encrypted)
        documents = {**opening.documents, upload.kind: document}
        return await stored.move(opening, _E.UPLOAD, now, documents=documents, uploaded_at=now)

    async def ask_registry(self, uscc: str, salt: bytes) -> RegistryEntry | None:
        """The registry's entry, over the network and outside any transaction.

        Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT: then nothing is checked.
        """
        return await self._files.registry.look_up(check_uscc(uscc), salt)

    async def submit(
        self, uscc: str, application_id: str, submission: Submission, entry: RegistryEntry | None
    ) -> Opening:
        """Check what is handed in: PASSED, NEEDS_CORRECTION, REFERRED or REFUSED, with every reason.

        Raises NOT_FOUND, STATE_CONFLICT, PERMISSION_DENIED, ASSERTION_INVALID (the signature is not the applicant's, or
        over other documents).
        """
        opening = await self._files.locked(uscc, application_id)
        if opening.state not in (_S.DRAFT, _S.NEEDS_CORRECTION):
            raise HuilianError("STATE_CONFLICT", "handed in already", state=opening.state)
        await _check_signature(opening, submission)
        verification = await store.verification(uscc)
        assert verification is not None, "an application begins with one and none is deleted"
        now = self._files.now()
        uploaded_at = opening.uploaded_at or now
        opening = replace(
            opening,
            name=verification.name,
            submissions=opening.submissions + 1,
            accepted=(),
            uploaded_at=uploaded_at,
            due_at=rules.due_time(self._files.data, uploaded_at),
        )
        application = await _application(opening, submission)
        findings = rules.examine(self._files.data, application, entry, business_date(now))
        checked = await self._files.conclude(opening, findings)
        evidence = {"signer_id": opening.signer_id, "signature": b64u_encode(submission.signature)}
        await self._files.records.add("checked", checked, evidence)
        return checked

    async def withdraw(self, uscc: str, application_id: str) -> Opening:
        """Take an application back; its documents are destroyed with it. Raises NOT_FOUND, STATE_CONFLICT."""
        return await self._files.end(await self._files.locked(uscc, application_id), _E.WITHDRAW, "withdrawn")

    async def get(self, uscc: str | None, application_id: str) -> Opening:
        """An application of an enterprise, or (None) any. Raises NOT_FOUND, also for somebody else's."""
        return await self._files.get(uscc, application_id)

    async def list(self, uscc: str | None, state: OpeningState | None, size: int, token: str) -> Page[Opening]:
        """Applications of an enterprise, or (None) all, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page(uscc, state, size, token)

    async def clear_away(self, batch: int = 100) -> int:
        """End what nobody went on with, destroy what refused applications left, and the documents of accounts that were
        closed so long ago that they need not be kept; how many. A transaction for each.
        """
        now, data = self._files.now(), self._files.data
        idle_since = now - timedelta(days=data.draft_days)
        forgotten = await stored.left_alone(_IDLE, idle_since, batch)
        refused = await stored.left_alone([_S.REFUSED], now - timedelta(days=data.refused_days), batch)
        kept_since = rules.years_before(business_date(now), data.kept_years)
        closed = await stored.closed_before(kept_since, batch)
        for application_id in [*forgotten, *refused, *closed]:
            async with self._files.database.transaction():
                opening = await self._files.locked(None, application_id)
                if opening.state in (_S.REFUSED, _S.OPENED):
                    await self._files.destroy(application_id)
                elif opening.state in _IDLE and opening.changed_at < idle_since:
                    await self._files.end(opening, _E.EXPIRE, "expired")
        return len(forgotten) + len(refused) + len(closed)


def _document(upload: Upload, now: datetime) -> UploadedDocument:
    digest = hashlib.sha256(upload.content).digest()
    return UploadedDocument(upload.kind, upload.media_type, len(upload.content), digest, upload.valid_until, now)


async def _application(opening: Opening, submission: Submission) -> Application:
    return Application(
        name=opening.name,
        legal_person_commitment=submission.legal_person_commitment,
        by_signer=opening.by_signer,
        documents=opening.documents,
        used_elsewhere=await stored.used_elsewhere(opening),
        has_account=await stored.has_account(opening.uscc),
    )


async def _check_signature(opening: Opening, submission: Submission) -> None:
    key = await _key_of_applicant(opening.uscc, opening.signer_id)
    documents = {kind.value: one.sha256 for kind, one in opening.documents.items()}
    number = opening.submissions + 1
    signed = OpeningSubmission(opening.uscc, opening.application_id, number, opening.signer_id, documents)
    verify_statement(key, signed, submission.signature)


async def _key_of_applicant(uscc: str, signer_id: str) -> ec.EllipticCurvePublicKey:
    """The key of the legal person (empty) or a signer, as they are now."""
    if signer_id:
        signer = (await store.signers(uscc)).get(signer_id)
        if signer is None or Power.OPEN_ACCOUNT not in signer.powers:
            raise HuilianError("PERMISSION_DENIED", "no signer of this enterprise who may open accounts")
        return signer.public_key
    verification = await store.verification(uscc)
    assert verification is not None, "an application begins with one and none is deleted"
    return jwk_to_public_key(verification.legal_person_jwk)
