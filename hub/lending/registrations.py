"""Registration at the register of movable assets (中登网), before any money leaves on a receivable.

    claim asked for -> claim ours on the chain -> search -> (another's is there: refused) -> register -> search again
    (another's came first: refused) -> the desks are told that the claim is ours -> money
    claim given up -> deregister

So the search comes first (PBC-2021-7-QUERY-FIRST) and disbursement comes last; while the register is away the message
comes back until it answers, and nothing is paid. The network is never asked inside a transaction. A process that dies
between any two steps does the step again: the registration's id is its claim's, made before anything was sent, and the
same id again is the same registration. A release that overtakes a registration is sent once more behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending import stored_registrations as stored
from hub.lending.ports import RegisteredEntry, Registry
from hub.lending.records import Records
from hub.lending.registration_states import (
    LIVE,
    TERM,
    Interest,
    RegistrationEvent,
    RegistrationState,
    is_to_extend,
    ranked,
)
from hub.lending.stored_registrations import Registration
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from ledger.registry.invoices import InvoiceIdentity

REGISTER_TOPIC, DEREGISTER_TOPIC, LOOK_TOPIC = "registry.register", "registry.deregister", "registry.look"
BATCH = 100
_S, _E = RegistrationState, RegistrationEvent

Locked = Callable[[str], Awaitable[object]]
Settled = Callable[[str, bool], Awaitable[None]]


class Registrations:
    """`open`, `start`, `release` run inside the caller's transaction, under the claim's lock; handlers open theirs."""

    def __init__(self, database: Database, clock: Clock, outbox: Outbox, registry: Registry, records: Records) -> None:
        """Registers the handlers of its topics with the outbox."""
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._registry = registry
        self._records = records
        self._lock: Locked | None = None
        self._settled: Settled | None = None
        outbox.register(REGISTER_TOPIC, self.register)
        outbox.register(DEREGISTER_TOPIC, self.deregister)
        outbox.register(LOOK_TOPIC, self.look)

    def serve(self, lock: Locked, settled: Settled) -> None:
        """`lock` locks a claim by its id; `settled` is told, under that lock, whether the receivable is ours."""
        self._lock, self._settled = lock, settled

    async def open(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        """A claim was asked for; nothing is sent before it is ours."""
        await stored.add(claim_id, invoice)

    async def start(self, claim_id: str) -> None:
        """The claim is ours on the chain: register it."""
        await self._outbox.put(REGISTER_TOPIC, claim_id, {"claim_id": claim_id})

    async def release(self, claim_id: str) -> None:
        """The claim is given up."""
        registration = await stored.find(claim_id)
        if registration is not None and (registration.state, _E.RELEASE) in _RELEASABLE:
            await stored.move(registration, _E.RELEASE)
            await self._put_release(claim_id, "released")

    async def register(self, message: Message) -> None:
        """Searches, registers, searches again. Again it changes nothing. Raises PROVIDER_UNAVAILABLE."""
        claim_id = str(message.payload["claim_id"])
        registration = await stored.find(claim_id)
        if registration is None or registration.state not in (_S.REQUESTED, _S.QUERIED):
            return
        prior = _others(await self._registry.search(registration.invoice))
        if not await self._queried(claim_id, is_clear=not prior):
            return
        entry = await self._registry.register(claim_id, registration.invoice, self._today() + TERM)
        found = await self._registry.search(registration.invoice)
        await self._registered(claim_id, entry, is_first=_is_first(entry, found))

    async def deregister(self, message: Message) -> None:
        """Ends a registration whose claim was given up. Raises PROVIDER_UNAVAILABLE."""
        claim_id = str(message.payload["claim_id"])
        try:
            await self._registry.deregister(claim_id)
        except HuilianError as error:
            # Never registered; if a registration is still under way, it sends this message again.
            if error.code != "NOT_FOUND":
                raise
        async with self._database.transaction():
            registration = await self._locked(claim_id)
            if registration.state is _S.RELEASING:
                await self._records.registration("deregistered", await stored.move(registration, _E.DEREGISTER))

    async def look(self, message: Message) -> None:
        """Looks at a live registration: extends it before its end, notes an objection or that it ran out."""
        claim_id = str(message.payload["claim_id"])
        entry = await self._registry.look(claim_id)
        if entry.status not in ("EXPIRED", "DEREGISTERED") and is_to_extend(entry.expires_on, self._today()):
            entry = await self._registry.extend(claim_id, self._today() + TERM)
        async with self._database.transaction():
            registration = await self._locked(claim_id)
            if registration.state in LIVE:
                await self._note(registration, entry)

    async def queue_looks(self) -> None:
        """Queues a look at every live registration, once a day. Opens its own transaction."""
        today = self._today()
        async with self._database.transaction():
            for claim_id in await stored.ids_to_look_at(today, BATCH):
                await stored.looked_at(claim_id, today)
                await self._outbox.put(LOOK_TOPIC, f"{claim_id}:{today}", {"claim_id": claim_id})

    async def conflicted(self, claim_id: str) -> bool:
        """Whether a claim was refused because of a prior registration."""
        registration = await stored.find(claim_id)
        return registration is not None and registration.state is _S.CONFLICTED

    async def _queried(self, claim_id: str, *, is_clear: bool) -> bool:
        """Writes the outcome of the search; whether to go on."""
        async with self._database.transaction():
            registration = await self._locked(claim_id)
            if registration.state not in (_S.REQUESTED, _S.QUERIED):
                return False
            queried = await stored.move(registration, _E.QUERY)
            if is_clear:
                return True
            await self._conflict(queried)
            return False

    async def _registered(self, claim_id: str, entry: RegisteredEntry, *, is_first: bool) -> None:
        async with self._database.transaction():
            registration = await self._locked(claim_id)
            if registration.state is not _S.QUERIED:
                # Given up meanwhile: what was registered is ended, also where the release came there before it.
                await self._put_release(claim_id, "late")
            elif not is_first:
                await self._conflict(registration)
                await self._put_release(claim_id, "lost")
            else:
                times = {"registered_at": entry.registered_at, "expires_on": entry.expires_on}
                done = await stored.move(registration, _E.REGISTER, number=entry.number, **times)
                await self._records.registration("registered", done)
                await self._tell(claim_id, ours=True)

    async def _conflict(self, queried: Registration) -> None:
        conflicted = await stored.move(queried, _E.CONFLICT)
        await self._records.registration("conflicted", conflicted)
        await self._tell(queried.claim_id, ours=False)

    async def _note(self, registration: Registration, entry: RegisteredEntry) -> None:
        if entry.status in ("EXPIRED", "DEREGISTERED"):
            await self._records.registration("expired", await stored.move(registration, _E.EXPIRE))
        elif entry.objection and entry.objection != registration.objection:
            objected = await stored.move(registration, _E.OBJECT, objection=entry.objection)
            await self._records.registration("objected", objected)
        if entry.status not in ("EXPIRED", "DEREGISTERED") and entry.expires_on != registration.expires_on:
            current = await stored.find(registration.claim_id)
            assert current is not None, "locked above"
            extended = await stored.move(current, _E.EXTEND, expires_on=entry.expires_on)
            await self._records.registration("extended", extended)

    async def _put_release(self, claim_id: str, why: str) -> None:
        await self._outbox.put(DEREGISTER_TOPIC, f"{claim_id}:{why}", {"claim_id": claim_id})

    async def _tell(self, claim_id: str, *, ours: bool) -> None:
        assert self._settled is not None, "wired by the service"
        await self._settled(claim_id, ours)

    async def _locked(self, claim_id: str) -> Registration:
        assert self._lock is not None, "wired by the service"
        await self._lock(claim_id)
        registration = await stored.find(claim_id)
        if registration is None:
            raise HuilianError("NOT_FOUND", resource="registration")
        return registration

    def _today(self) -> date:
        return business_date(self._clock.now())


_RELEASABLE = frozenset((state, _E.RELEASE) for state in (_S.REQUESTED, _S.QUERIED, *LIVE))


def _others(found: list[RegisteredEntry]) -> list[RegisteredEntry]:
    return [entry for entry in found if not entry.is_ours]


def _is_first(ours: RegisteredEntry, found: list[RegisteredEntry]) -> bool:
    """Civil Code §768: whether ours ranks before every other registration that came to be meanwhile."""
    interests = [Interest(entry.registration_id, 1, entry.registered_at) for entry in (ours, *_others(found))]
    first = ranked(interests)[0]
    return [interest.holder for interest in first] == [ours.registration_id]
