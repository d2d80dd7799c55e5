"""The use cases of consent: prepare, grant, reject, amend, show. Each runs inside the caller's one transaction.

The hub adds nothing to what the person signed: it checks, countersigns, stores and writes the ledger record. Edges
verify all of it again by themselves. What happens to a consent after its grant is `life.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.consent import SignedConsent, countersign, verify_delegation, verify_device_signature
from huilian_protocol.delegation import Link, check_scope, verify_chain
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import Purpose, PurposeList
from huilian_protocol.trust import TrustAnchors, current
from huilian_protocol.webauthn import Assertion

from hub.consent.endings import Endings
from hub.consent.export import consent_record
from hub.consent.life import ConsentLife
from hub.consent.ports import Ledger, Persons, ReadCounts, Recipients
from hub.consent.records import ConsentRecords, grant_record_id, revocation_record_id
from hub.consent.revocations import Notice, RevocationFeed
from hub.consent.rules import (
    Action,
    Dataset,
    Terms,
    agencies_of,
    check_actions,
    check_suite,
    check_terms,
    draft_artefact,
    next_version,
)
from hub.consent.states import Event, State, after
from hub.consent.store import ConsentRow, ConsentStore, VersionRow, version_id
from hub.consent.view import Consent, Page, chain_of, forget_artefacts, not_found, state_of, view
from hub.platform.database import Database

__all__ = ["Consent", "ConsentService", "Page", "forget_artefacts", "grant_record_id", "revocation_record_id"]


class _NoReads:
    """A hub without an exchange: nobody reads anything."""

    async def reads_taken(self, consent_id: str, datasets: Collection[str], *, settled: bool) -> dict[str, int]:
        """None of any."""
        return dict.fromkeys(datasets, 0)

    async def is_acting(self, consent_id: str) -> bool:
        """Nobody acts either."""
        return False


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
        self._clock, self._purposes, self._persons, self._recipients = clock, purposes, persons, recipients
        self._trust, self._signing_key = current(trust), signing_key
        self._store, self._records = ConsentStore(database), ConsentRecords(ledger)
        self._reads: ReadCounts = _NoReads()
        self.revocations = RevocationFeed(self._store, clock)
        self.life = ConsentLife(
            database=database,
            store=self._store,
            clock=clock,
            persons=persons,
            records=self._records,
            trust=self._trust,
            feed=self.revocations,
        )
        self.endings = Endings(self._store, clock, lambda: self._reads, signing_key)

    def when_revoked(self, do: Callable[[str], Awaitable[None]]) -> None:
        """Have something done with a consent's id in the transaction that revokes it, or a dataset of it."""
        self.life.when_revoked(do)

    def count_reads_by(self, reads: ReadCounts) -> None:
        """Who knows how many reads were taken."""
        self._reads = reads

    def purposes(self) -> tuple[Purpose, ...]:
        """Every purpose that may be asked for."""
        return self._purposes.all()

    async def prepare(
        self,
        caller: str,
        consent_id: str,
        terms: Terms,
        datasets: Mapping[str, Dataset],
        actions: Mapping[str, Action] = MappingProxyType({}),
        *,
        amends: int = 0,
        delegation: bytes = b"",
    ) -> Consent:
        """Draft the artefact for the caller to sign; nothing is granted yet. `amends` is the version that it is to
        replace (0: a new consent); `delegation` lets the caller sign for somebody else.

        Raises UNKNOWN_PURPOSE, NOT_FOUND, ALREADY_EXISTS, STATE_CONFLICT, DELEGATION_INVALID and whatever
        `check_terms`, `check_actions` and `check_suite` raise.
        """
        now = self._clock.now()
        purpose = self._purposes.get(terms.purpose)
        recipient = self._recipients.recipient_key(terms.recipient)
        check_terms(terms, purpose, datasets, now)
        check_actions(terms, purpose, actions)
        self._trust().check_recipient(recipient.named, now)
        check_suite(recipient, [*datasets.values(), *actions.values()])
        chain = chain_of(delegation)
        subject = chain[0].statement.delegator if chain else caller
        signer = caller if chain else None
        agencies = list(agencies_of(terms, datasets, actions))
        artefact = draft_artefact(consent_id, subject, terms, purpose, recipient, now, signer)
        if amends:
            return await self._prepare_version(caller, amends, artefact, agencies, delegation, now)
        await self.life.delegations.require_standing(chain)
        if await self._store.lock(consent_id) is not None:
            raise HuilianError("ALREADY_EXISTS", "the consent id is taken", resource=f"consent {consent_id}")
        self._check_delegated(artefact, chain, now)
        row = ConsentRow(
            id=consent_id,
            subject=subject,
            signer=signer,
            delegation=delegation or None,
            state=State.REQUESTED,
            artefact=artefact.canonical(),
            agencies=agencies,
            valid_until=artefact.valid_until,
            requested_at=now,
        )
        await self._store.insert(row)
        return view(row, now)

    async def _prepare_version(
        self, caller: str, amends: int, draft: Artefact, agencies: list[str], delegation: bytes, now: datetime
    ) -> Consent:
        row = await self._signed_by(caller, draft.id)
        present = view(row, now)
        after(present.state, Event.SUPERSEDE, valid_until=format_time(row.valid_until))
        if present.artefact.version != amends:
            raise HuilianError("STATE_CONFLICT", "another version is in force", state=f"V{present.artefact.version}")
        artefact = next_version(present.artefact, draft)
        chain_bytes = delegation or row.delegation
        self._check_delegated(artefact, chain_of(chain_bytes), now)
        version = VersionRow(
            id=version_id(row.id, artefact.version),
            state=State.REQUESTED,
            artefact=artefact.canonical(),
            agencies=agencies,
            delegation=chain_bytes or None,
        )
        await self._store.put_version(version)
        return Consent(artefact.canonical(), State.REQUESTED, None, tuple(agencies), None, None)

    def _check_delegated(self, artefact: Artefact, chain: Sequence[Link], now: datetime) -> None:
        if artefact.signer is None:
            return
        verify_chain(chain, subject=artefact.subject, delegate=artefact.signer, trust=self._trust(), now=now)
        check_scope(chain[-1].statement, sorted(artefact.grant_ids), artefact.purpose.code, artefact.valid_until)

    async def grant(
        self, caller: str, artefact_bytes: bytes, assertion: Assertion, sealed_subjects: Mapping[str, bytes]
    ) -> Consent:
        """Take the artefact that the caller's device signed, countersign it and put it into force; a later version
        replaces the one before it in the same step.

        Raises ARTEFACT_INVALID, NOT_FOUND, CONSENT_EXPIRED, RECIPIENT_KEY_MISMATCH, ARTEFACT_TAMPERED, STATE_CONFLICT,
        INVALID_ARGUMENT (a sealed subject is missing), BINDING_INVALID, SUBJECT_MISMATCH, ASSERTION_INVALID or
        DELEGATION_INVALID.
        """
        now = self._clock.now()
        artefact = parse_artefact(artefact_bytes)
        if artefact.signer is not None:
            await self.life.delegations.hold(artefact.id, artefact.version)
        row = await self._signed_by(caller, artefact.id)
        draft = await self._draft(row, artefact.version)
        self._check_offer(artefact, artefact_bytes, bytes(draft.artefact), now)
        if isinstance(draft, VersionRow):
            after(state_of(row, now), Event.SUPERSEDE, valid_until=format_time(row.valid_until))
        else:
            after(state_of(row, now), Event.GRANT)
        _check_agencies(draft.agencies, sealed_subjects)
        signed = await self._signed(artefact, chain_of(draft.delegation), assertion, now)
        if isinstance(draft, VersionRow):
            await self._supersede(row, draft, now)
        row.state, row.signed, row.granted_at = State.GRANTED, signed.to_bytes(), now
        await row.save()
        await self._store.put_sealed_subjects(row.id, sealed_subjects)
        await self._records.grant(signed, now)
        if isinstance(draft, VersionRow):
            await self.life.tell_amended(row)
        return view(row, now)

    async def _draft(self, row: ConsentRow, version: int) -> ConsentRow | VersionRow:
        if version == 1:
            return row
        draft = await self._store.find_version(row.id, version)
        if draft is None or draft.state != State.REQUESTED:
            raise HuilianError("STATE_CONFLICT", "no such version is waiting for a signature", state=row.state)
        return draft

    async def _supersede(self, row: ConsentRow, draft: VersionRow, now: datetime) -> None:
        """Put the draft's terms into the row and what was in force beside it.

        Raises STATE_CONFLICT (ACTION_OPEN) while the end of an action is unknown: the edge goes on with it under the
        version that it began with, and would not under another.
        """
        if await self._reads.is_acting(row.id):
            raise HuilianError("STATE_CONFLICT", "an action under it has no end yet", state="ACTION_OPEN")
        old = parse_artefact(bytes(row.artefact))
        earlier = VersionRow(
            id=version_id(row.id, old.version),
            state=State.SUPERSEDED,
            artefact=row.artefact,
            agencies=row.agencies,
            signed=row.signed,
            delegation=row.delegation,
            granted_at=row.granted_at,
            ended_at=now,
            reads=await self._reads.reads_taken(row.id, [grant.id for grant in old.datasets], settled=False),
        )
        await self._store.put_version(earlier)
        await self._store.drop_version(draft)
        row.artefact, row.agencies, row.delegation = draft.artefact, draft.agencies, draft.delegation
        row.valid_until = parse_artefact(bytes(draft.artefact)).valid_until
        row.stopped = None
        row.ended_at = None  # type: ignore[assignment]  # the field is nullable, its annotation is not

    async def reject(self, caller: str, consent_id: str) -> Consent:
        """Decline what was prepared: a first draft for good, or the amendment that waits beside a consent in force.

        Raises NOT_FOUND, STATE_CONFLICT, CONSENT_REVOKED or CONSENT_EXPIRED.
        """
        now = self._clock.now()
        row = await self._signed_by(caller, consent_id)
        waiting = await self._store.find_version(row.id, parse_artefact(bytes(row.artefact)).version + 1)
        if waiting is not None:
            await self._store.drop_version(waiting)
            return view(row, now)
        row.state = after(state_of(row, now), Event.REJECT, valid_until=format_time(row.valid_until))
        row.ended_at = now
        await row.save()
        return view(row, now)

    async def revoke(self, caller: str, consent_id: str) -> Consent:
        """`ConsentLife.revoke`."""
        return await self.life.revoke(caller, consent_id)

    async def get(self, caller: str, consent_id: str) -> Consent:
        """A consent about the caller or signed by them; NOT_FOUND for anybody else's."""
        consent = await self.find(consent_id)
        if caller not in consent.parties:
            raise not_found(consent_id)
        return consent

    async def export(self, caller: str, consent_id: str) -> bytes:
        """A consent as a record with the field names of ISO/IEC TS 27560; raises NOT_FOUND."""
        consent = await self.get(caller, consent_id)
        notices = [Notice.of(row) for row in await self._store.notices_of(consent_id)]
        return consent_record(consent, self._purposes.get(consent.artefact.purpose.code), notices)

    async def page(self, caller: str, token: str, size: int) -> Page:
        """The caller's consents, newest first; `token` is that of the page before, or empty."""
        last = await self._store.find(token) if token else None
        if token and (last is None or caller not in {last.subject, last.signer}):
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._store.page(caller, last, size + 1)
        now = self._clock.now()
        shown = rows[:size]
        return Page(tuple(view(row, now) for row in shown), shown[-1].id if len(rows) > size else "")

    async def find(self, consent_id: str) -> Consent:
        """Any consent, for a read under it; raises NOT_FOUND. The reader's right is the exchange's to check."""
        consent = (await self.find_all([consent_id])).get(consent_id)
        if consent is None:
            raise not_found(consent_id)
        return consent

    async def find_all(self, consent_ids: Collection[str]) -> dict[str, Consent]:
        """Those of these consents that exist, by id. Unchanged until the open transaction ends for whoever holds their
        locks, `("consent", id)`.
        """
        now = self._clock.now()
        return {row.id: view(row, now) for row in await self._store.find_all(consent_ids)}

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
        """`ConsentLife.exhaust_all`."""
        await self.life.exhaust_all(consent_ids)

    async def _signed_by(self, caller: str, consent_id: str) -> ConsentRow:
        row = await self.life.owned(caller, consent_id)
        if caller != (row.signer or row.subject):
            raise not_found(consent_id)
        return row

    def _check_offer(self, artefact: Artefact, artefact_bytes: bytes, offered: bytes, now: datetime) -> None:
        """Only what was offered may be signed: the same bytes, still valid, to a key of the recipient."""
        artefact.check_valid_at(now)
        recipient = parse_artefact(offered).recipient
        for named in recipient.keys:
            key = self._recipients.recipient_key(recipient.id, named.id)
            artefact.check_recipient(key.id, key.key_id)
        self._trust().check_recipient(recipient, artefact.valid_from)
        if artefact_bytes != offered:
            raise HuilianError("ARTEFACT_TAMPERED", "not the artefact that was prepared")

    async def _signed(
        self, artefact: Artefact, chain: tuple[Link, ...], assertion: Assertion, now: datetime
    ) -> SignedConsent:
        binding = await self._persons.key_binding(artefact.signed_by)
        bound = verify_device_signature(artefact, binding, assertion, self._trust(), now)
        verify_delegation(artefact, chain, bound, self._trust(), now)
        countersignature = countersign(self._signing_key(), artefact, binding, assertion, chain)
        return SignedConsent(artefact, binding, assertion, countersignature, chain)


def _check_agencies(agencies: Sequence[str], sealed_subjects: Mapping[str, bytes]) -> None:
    if set(sealed_subjects) != set(agencies):
        wanted = ", ".join(agencies)
        raise HuilianError("INVALID_ARGUMENT", f"one for each of: {wanted}", field="sealed_subjects")
