"""The use cases of consent: prepare, grant, reject, show, revoke. Each runs inside the caller's one transaction.

The hub adds nothing to what the person signed: it checks, countersigns, stores and writes the ledger record. Edges
verify all of it again by themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.consent import SignedConsent, countersign, verify_device_signature
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import Purpose, PurposeList
from huilian_protocol.trust import TrustAnchors, current
from huilian_protocol.webauthn import Assertion

from hub.consent.ports import Ledger, Persons, Recipients
from hub.consent.revocations import RevocationFeed
from hub.consent.rules import Action, Dataset, Terms, agencies_of, check_actions, check_terms, draft_artefact
from hub.consent.states import Event, State, after, effective, refusal
from hub.consent.store import ConsentRow, ConsentStore
from hub.platform.database import Database

GRANT_RECORD = "consent-grant"
REVOCATION_RECORD = "consent-revocation"
REMEMBERED_ARTEFACTS = 1_024


def grant_record_id(consent_id: str) -> str:
    """The id under which the ledger keeps the grant."""
    return f"{GRANT_RECORD}:{consent_id}"


def revocation_record_id(consent_id: str) -> str:
    """The id under which the ledger keeps the revocation."""
    return f"{REVOCATION_RECORD}:{consent_id}"


@dataclass(frozen=True)
class Consent:
    """A consent as it stands now; `signed` is the exported file, None until it is granted."""

    artefact_bytes: bytes
    state: State
    signed: bytes | None
    agencies: tuple[str, ...]
    granted_at: datetime | None
    ended_at: datetime | None

    @cached_property
    def artefact(self) -> Artefact:
        """What the person signed, or is asked to sign."""
        return _parsed(self.artefact_bytes)

    def refusal(self) -> HuilianError:
        """Why this consent does not allow a read now; for one that is not in force."""
        artefact = self.artefact
        return refusal(self.state, valid_until=format_time(artefact.valid_until), max_reads=artefact.max_reads)


@dataclass(frozen=True)
class Page:
    """Some consents and where the list goes on (empty at its end)."""

    consents: tuple[Consent, ...]
    next_token: str


class ConsentService:
    """The consents of one hub."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        purposes: PurposeList,
        persons: Persons,
        recipients: Recipients,
        ledger: Ledger,
        trust: TrustAnchors | Callable[[], TrustAnchors],
        signing_key: Callable[[], ec.EllipticCurvePrivateKey],
    ) -> None:
        self._database, self._clock = database, clock
        self._purposes, self._persons, self._recipients = purposes, persons, recipients
        self._ledger, self._trust, self._signing_key = ledger, current(trust), signing_key
        self._store = ConsentStore(database)
        self.revocations = RevocationFeed(self._store, clock)
        self._when_revoked: list[Callable[[str], Awaitable[None]]] = []

    def when_revoked(self, do: Callable[[str], Awaitable[None]]) -> None:
        """Have something done with a consent's id in the transaction that revokes it."""
        self._when_revoked.append(do)

    def purposes(self) -> tuple[Purpose, ...]:
        """Every purpose that may be asked for."""
        return self._purposes.all()

    async def prepare(
        self,
        subject: str,
        consent_id: str,
        terms: Terms,
        datasets: Mapping[str, Dataset],
        actions: Mapping[str, Action] = MappingProxyType({}),
    ) -> Consent:
        """Draft the artefact for the person to sign; nothing is granted yet.

        Raises UNKNOWN_PURPOSE, NOT_FOUND, ALREADY_EXISTS and whatever `check_terms` and `check_actions` raise.
        """
        now = self._clock.now()
        purpose = self._purposes.get(terms.purpose)
        recipient = self._recipients.recipient_key(terms.recipient)
        check_terms(terms, purpose, datasets, now)
        check_actions(terms, purpose, actions)
        if await self._store.lock(consent_id) is not None:
            raise HuilianError("ALREADY_EXISTS", "the consent id is taken", resource=f"consent {consent_id}")
        artefact = draft_artefact(consent_id, subject, terms, purpose, recipient, now)
        row = ConsentRow(
            id=consent_id,
            subject=subject,
            state=State.REQUESTED,
            artefact=artefact.canonical(),
            agencies=list(agencies_of(terms, datasets, actions)),
            valid_until=artefact.valid_until,
            requested_at=now,
        )
        await self._store.insert(row)
        return _view(row, now)

    async def grant(
        self, subject: str, artefact_bytes: bytes, assertion: Assertion, sealed_subjects: Mapping[str, bytes]
    ) -> Consent:
        """Take the artefact that the person's device signed, countersign it and put it into force.

        Raises ARTEFACT_INVALID, NOT_FOUND, CONSENT_EXPIRED, RECIPIENT_KEY_MISMATCH, ARTEFACT_TAMPERED, STATE_CONFLICT,
        INVALID_ARGUMENT (a sealed subject is missing), BINDING_INVALID, SUBJECT_MISMATCH or ASSERTION_INVALID.
        """
        now = self._clock.now()
        artefact = parse_artefact(artefact_bytes)
        row = await self._owned(subject, artefact.id)
        self._check_offer(artefact, artefact_bytes, row, now)
        row.state = after(_state(row, now), Event.GRANT)
        _check_agencies(row, sealed_subjects)
        signed = await self._signed(artefact, assertion, now)
        row.signed, row.granted_at = signed.to_bytes(), now
        await row.save()
        await self._store.add_sealed_subjects(row.id, sealed_subjects)
        await self._record_grant(signed, now)
        return _view(row, now)

    async def reject(self, subject: str, consent_id: str) -> Consent:
        """Decline a prepared artefact. Raises NOT_FOUND, STATE_CONFLICT, CONSENT_REVOKED or CONSENT_EXPIRED."""
        return await self._end(await self._owned(subject, consent_id), Event.REJECT)

    async def revoke(self, subject: str, consent_id: str) -> Consent:
        """End a consent for good (PIPL article 15): no read from now on, and every edge is told.

        Raises NOT_FOUND, STATE_CONFLICT, CONSENT_REVOKED or CONSENT_EXPIRED.
        """
        row = await self._owned(subject, consent_id)
        consent = await self._end(row, Event.REVOKE)
        at = self._clock.now()
        await self._store.add_revocation(consent_id, at)
        await self._record_revocation(consent.artefact, at)
        for do in self._when_revoked:
            await do(consent_id)
        self._database.after_commit(self.revocations.wake)
        return consent

    async def get(self, subject: str, consent_id: str) -> Consent:
        """The person's own consent; NOT_FOUND for anybody else's."""
        row = await self._store.find(consent_id)
        if row is None or row.subject != subject:
            raise _not_found(consent_id)
        return _view(row, self._clock.now())

    async def page(self, subject: str, token: str, size: int) -> Page:
        """The person's consents, newest first; `token` is that of the page before, or empty."""
        last = await self._store.find(token) if token else None
        if token and (last is None or last.subject != subject):
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._store.page(subject, last, size + 1)
        now = self._clock.now()
        shown = rows[:size]
        return Page(tuple(_view(row, now) for row in shown), shown[-1].id if len(rows) > size else "")

    async def find(self, consent_id: str) -> Consent:
        """Any consent, for a read under it; raises NOT_FOUND. The reader's right is the exchange's to check."""
        consent = (await self.find_all([consent_id])).get(consent_id)
        if consent is None:
            raise _not_found(consent_id)
        return consent

    async def find_all(self, consent_ids: Collection[str]) -> dict[str, Consent]:
        """Those of these consents that exist, by id. Unchanged until the open transaction ends for whoever holds their
        locks, `("consent", id)`.
        """
        now = self._clock.now()
        return {row.id: _view(row, now) for row in await self._store.find_all(consent_ids)}

    async def sealed_subject(self, consent_id: str, agency: str) -> bytes:
        """Who the person is, for this agency only; raises NOT_FOUND."""
        envelope = (await self.sealed_subjects([(consent_id, agency)])).get((consent_id, agency))
        if envelope is None:
            raise HuilianError("NOT_FOUND", resource=f"sealed subject of consent {consent_id} for {agency}")
        return envelope

    async def sealed_subjects(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Who the persons are, by consent id and agency, each for that agency only; those that are known."""
        return await self._store.sealed_subjects(wanted)

    async def exhaust_all(self, consent_ids: Collection[str]) -> None:
        """The last allowed read was taken. A consent that is not in force any more stays as it is.

        The caller holds the consents' locks.
        """
        await self._store.move_all(consent_ids, State.GRANTED, after(State.GRANTED, Event.EXHAUST))

    async def _owned(self, subject: str, consent_id: str) -> ConsentRow:
        row = await self._store.lock(consent_id)
        if row is None or row.subject != subject:
            raise _not_found(consent_id)
        return row

    def _check_offer(self, artefact: Artefact, artefact_bytes: bytes, row: ConsentRow, now: datetime) -> None:
        """Only what was offered may be signed: the same bytes, still valid, to a key of the recipient."""
        artefact.check_valid_at(now)
        offered = parse_artefact(bytes(row.artefact)).recipient
        key = self._recipients.recipient_key(offered.id, offered.sealing_key_id)
        artefact.check_recipient(key.id, key.key_id)
        if artefact_bytes != bytes(row.artefact):
            raise HuilianError("ARTEFACT_TAMPERED", "not the artefact that was prepared")

    async def _signed(self, artefact: Artefact, assertion: Assertion, now: datetime) -> SignedConsent:
        binding = await self._persons.key_binding(artefact.subject)
        verify_device_signature(artefact, binding, assertion, self._trust(), now)
        return SignedConsent(
            artefact, binding, assertion, countersign(self._signing_key(), artefact, binding, assertion)
        )

    async def _end(self, row: ConsentRow, event: Event) -> Consent:
        now = self._clock.now()
        row.state = after(_state(row, now), event, valid_until=format_time(row.valid_until))
        row.ended_at = now
        await row.save()
        return _view(row, now)

    async def _record_grant(self, signed: SignedConsent, at: datetime) -> None:
        artefact = signed.artefact
        record = _record(GRANT_RECORD, artefact, at)
        evidence = {"signed_consent": b64u_encode(signed.to_bytes())}
        record_id = grant_record_id(artefact.id)
        await self._ledger.append(GRANT_RECORD, record_id, record, subject=artefact.subject, evidence=evidence)

    async def _record_revocation(self, artefact: Artefact, at: datetime) -> None:
        record = _record(REVOCATION_RECORD, artefact, at)
        record_id = revocation_record_id(artefact.id)
        await self._ledger.append(REVOCATION_RECORD, record_id, record, subject=artefact.subject, evidence={})


def _record(kind: str, artefact: Artefact, at: datetime) -> dict[str, Any]:
    return {
        "type": f"huilian-{kind}/v1",
        "consent_id": artefact.id,
        "artefact_sha256": b64u_encode(artefact.sha256),
        "recipient": artefact.recipient.id,
        "purpose": artefact.purpose.code,
        "at": format_time(at),
    }


@lru_cache(REMEMBERED_ARTEFACTS)
def _parsed(artefact: bytes) -> Artefact:
    """The same bytes say the same; an artefact never changes."""
    return parse_artefact(artefact)


def forget_artefacts() -> None:
    """Drop every artefact that this process remembers; they are read again when they are needed."""
    _parsed.cache_clear()


def _state(row: ConsentRow, now: datetime) -> State:
    return effective(State(row.state), row.valid_until, now)


def _check_agencies(row: ConsentRow, sealed_subjects: Mapping[str, bytes]) -> None:
    if set(sealed_subjects) != set(row.agencies):
        wanted = ", ".join(row.agencies)
        raise HuilianError("INVALID_ARGUMENT", f"one for each of: {wanted}", field="sealed_subjects")


def _view(row: ConsentRow, now: datetime) -> Consent:
    return Consent(
        artefact_bytes=bytes(row.artefact),
        state=_state(row, now),
        signed=None if row.signed is None else bytes(row.signed),
        agencies=tuple(row.agencies),
        granted_at=row.granted_at,
        ended_at=row.ended_at,
    )


def _not_found(consent_id: str) -> HuilianError:
    return HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
