"""What happens to a granted consent: pause, resume, revocation of the whole or of one dataset, exhaustion.

Each use case runs inside the caller's one transaction: the row, the notice that edges will get, the ledger record.
Stopping takes no more than the person's session (PIPL article 15: as easy as consenting); going on after a pause takes
a signature by the device, which edges check by themselves, so a hub that is taken over cannot undo a pause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import SignedResumption, parse_resumption
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion

from hub.consent.delegations import Delegations, Ended
from hub.consent.ports import Persons
from hub.consent.records import DATASET_REVOCATION_RECORD, PAUSE_RECORD, RESUMPTION_RECORD, ConsentRecords
from hub.consent.revocations import Change, RevocationFeed
from hub.consent.states import TRANSITIONS, Event, State, after
from hub.consent.store import ConsentRow, ConsentStore, NoticeRow
from hub.consent.view import Consent, not_found, state_of, view
from hub.platform.database import Database

WhenRevoked = Callable[[str], Awaitable[None]]


class ConsentLife:
    """The changes of one hub's consents."""

    def __init__(
        self,
        *,
        database: Database,
        store: ConsentStore,
        clock: Clock,
        persons: Persons,
        records: ConsentRecords,
        trust: Callable[[], TrustAnchors],
        feed: RevocationFeed,
    ) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._persons, self._records, self._trust, self._feed = persons, records, trust, feed
        self.delegations = Delegations(store, clock, trust)
        self._when_revoked: list[WhenRevoked] = []

    def when_revoked(self, do: WhenRevoked) -> None:
        """Have something done with a consent's id in the transaction that revokes it, or a dataset of it."""
        self._when_revoked.append(do)

    async def owned(self, caller: str, consent_id: str) -> ConsentRow:
        """The locked row of a consent about the caller or signed by them; NOT_FOUND for anybody else's."""
        row = await self._store.lock(consent_id)
        if row is None or caller not in {row.subject, row.signer}:
            raise not_found(consent_id)
        return row

    async def revoke(self, caller: str, consent_id: str) -> Consent:
        """End a consent for good (PIPL article 15): no read from now on, and every edge is told.

        Raises NOT_FOUND, STATE_CONFLICT, CONSENT_REVOKED or CONSENT_EXPIRED.
        """
        return await self._revoke(await self.owned(caller, consent_id))

    async def _revoke(self, row: ConsentRow) -> Consent:
        await self._move(row, Event.REVOKE)
        await self._tell(row, Change.REVOKED)
        await self._records.revocation(view(row, self._clock.now()).artefact, self._clock.now())
        await self._after_revocation(row.id)
        return view(row, self._clock.now())

    async def revoke_dataset(self, caller: str, consent_id: str, dataset: str) -> Consent:
        """Take back one dataset or action; the rest stays in force. The last one takes the whole consent with it.

        Raises NOT_FOUND, FIELD_NOT_GRANTED (it was never part of this consent) and what `revoke` raises.
        """
        row = await self.owned(caller, consent_id)
        artefact, stopped = view(row, self._clock.now()).artefact, set(row.stopped or ())
        if dataset not in artefact.grant_ids:
            raise HuilianError("FIELD_NOT_GRANTED", "not part of this consent", field=dataset)
        if dataset in stopped:
            raise HuilianError("CONSENT_REVOKED", f"of {dataset}")
        if stopped | {dataset} == artefact.grant_ids:
            return await self.revoke(caller, consent_id)
        row.stopped = sorted(stopped | {dataset})
        await self._move(row, Event.REVOKE_DATASET)
        cursor = await self._tell(row, Change.DATASET_REVOKED, dataset_id=dataset)
        stated = {"dataset": dataset}
        await self._records.change(DATASET_REVOCATION_RECORD, cursor, artefact, self._clock.now(), stated)
        # The sealed answers held for repetition are not kept apart by dataset, so all of them go.
        await self._after_revocation(consent_id)
        return view(row, self._clock.now())

    async def pause(self, caller: str, consent_id: str) -> Consent:
        """Stop reads until the same person resumes.

        Raises NOT_FOUND, STATE_CONFLICT, CONSENT_PAUSED, CONSENT_REVOKED, CONSENT_EXPIRED or CONSENT_EXHAUSTED.
        """
        row = await self.owned(caller, consent_id)
        cursor = await self._store.next_cursor()
        row.pause_id, row.paused_by = f"pause-{cursor}", caller
        await self._move(row, Event.PAUSE)
        await self._tell(row, Change.PAUSED, cursor=cursor, pause_id=row.pause_id)
        await self._record_change(PAUSE_RECORD, cursor, row)
        return view(row, self._clock.now())

    async def resume(self, caller: str, consent_id: str, statement: bytes, assertion: Assertion) -> Consent:
        """End a pause by the word of the device of whoever paused.

        Raises NOT_FOUND, PERMISSION_DENIED (the other party paused), STATE_CONFLICT or CONSENT_*, ARTEFACT_INVALID,
        ARTEFACT_TAMPERED (a statement about something else), BINDING_INVALID, SUBJECT_MISMATCH or ASSERTION_INVALID.
        """
        row = await self.owned(caller, consent_id)
        consent = view(row, self._clock.now())
        after(consent.state, Event.RESUME, valid_until=format_time(row.valid_until))
        if caller != row.paused_by:
            raise HuilianError("PERMISSION_DENIED", "only whoever paused a consent resumes it")
        if parse_resumption(statement) != consent.resumption:
            raise HuilianError("ARTEFACT_TAMPERED", "not the statement that resumes this pause")
        signed = SignedResumption(parse_resumption(statement), await self._persons.key_binding(caller), assertion)
        if signed.verify(self._trust(), self._clock.now()) != caller:
            raise HuilianError("SUBJECT_MISMATCH", "the binding belongs to another subject")
        pause_id, row.pause_id, row.paused_by = row.pause_id, None, None
        await self._move(row, Event.RESUME)
        cursor = await self._tell(row, Change.RESUMED, pause_id=pause_id, resumption=signed.to_bytes())
        await self._record_change(RESUMPTION_RECORD, cursor, row)
        return view(row, self._clock.now())

    async def exhaust_all(self, consent_ids: Collection[str]) -> None:
        """The last allowed read was taken. A consent that is not in force any more stays as it is.

        The caller holds the consents' locks.
        """
        exhausted = after(State.GRANTED, Event.EXHAUST)
        await self._store.end_all(consent_ids, State.GRANTED, exhausted, self._clock.now())

    async def revoke_delegation(self, caller: str, delegation: bytes) -> Ended:
        """`Delegations.revoke`: a delegation ends by itself, and with it every consent under it."""
        return await self.delegations.revoke(caller, delegation, self._end, self._tell_undelegated)

    async def _end(self, row: ConsentRow) -> None:
        # What expired meanwhile needs no end.
        if (state_of(row, self._clock.now()), Event.REVOKE) in TRANSITIONS:
            await self._revoke(row)

    async def _tell_undelegated(self, statement_sha256: bytes) -> None:
        notice = NoticeRow(
            cursor=await self._store.next_cursor(),
            consent_id=f"delegation:{statement_sha256.hex()[:40]}",
            change=Change.DELEGATION_REVOKED,
            at=self._clock.now(),
            version=1,
            artefact_sha256=statement_sha256,
        )
        await self._store.add_notice(notice)
        self._database.after_commit(self._feed.wake)

    async def tell_amended(self, row: ConsentRow) -> None:
        """Tell edges that the version now in this row replaced the one before."""
        await self._tell(row, Change.AMENDED, artefact_sha256=view(row, self._clock.now()).artefact.sha256)

    async def _move(self, row: ConsentRow, event: Event) -> None:
        now = self._clock.now()
        following = after(state_of(row, now), event, valid_until=format_time(row.valid_until))
        if following in {State.REVOKED, State.REJECTED}:
            row.ended_at = now
        row.state = following
        await row.save()

    async def _tell(
        self,
        row: ConsentRow,
        change: Change,
        *,
        cursor: int | None = None,
        dataset_id: str | None = None,
        pause_id: str | None = None,
        artefact_sha256: bytes | None = None,
        resumption: bytes | None = None,
    ) -> int:
        cursor = await self._store.next_cursor() if cursor is None else cursor
        notice = NoticeRow(
            cursor=cursor,
            consent_id=row.id,
            change=change,
            at=self._clock.now(),
            version=view(row, self._clock.now()).artefact.version,
            dataset_id=dataset_id,
            pause_id=pause_id,
            artefact_sha256=artefact_sha256,
            resumption=resumption,
        )
        await self._store.add_notice(notice)
        self._database.after_commit(self._feed.wake)
        return cursor

    async def _record_change(self, kind: str, cursor: int, row: ConsentRow) -> None:
        now = self._clock.now()
        await self._records.change(kind, cursor, view(row, now).artefact, now, {})

    async def _after_revocation(self, consent_id: str) -> None:
        for do in self._when_revoked:
            await do(consent_id)
