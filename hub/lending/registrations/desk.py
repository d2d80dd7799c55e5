"""Registration at the register of movable assets (中登网), before any money leaves on a receivable.

    claim asked for -> claim ours on the chain -> search -> (another's is there: refused) -> register -> search again
    (another's came first: refused) -> the desks are told that the claim is ours -> money
    claim given up -> deregister
    every day, and when less is owed -> look: amended (amount, names), extended before its end, objections noted
    ran out under a claim -> search -> register anew; until then, or when another came first, no new money

So the search comes first (PBC-2021-7-QUERY-FIRST) and disbursement comes last; while the register is away the message
comes back until it answers, and nothing is paid. The network is never asked inside a transaction. A process that dies
between any two steps does the step again: the registration's id is its claim's, made before anything was sent, and the
same id again is the same registration. A release that overtakes a registration is sent once more behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.ports import PartyNames, RegisteredEntry, Registry
from hub.lending.records import Records
from hub.lending.registrations import stored
from hub.lending.registrations.states import (
    LIVE,
    TERM,
    Interest,
    RegistrationEvent,
    RegistrationState,
    is_to_extend,
    ranked,
)
from hub.lending.registrations.stored import Registration
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from ledger.registry.invoices import InvoiceIdentity

REGISTER_TOPIC, DEREGISTER_TOPIC, LOOK_TOPIC = "registry.register", "registry.deregister", "registry.look"
BATCH = 100
_S, _E = RegistrationState, RegistrationEvent

Locked = Callable[[str], Awaitable[object]]
Settled = Callable[[str, bool], Awaitable[None]]
Content = Callable[[str], Awaitable[int | None]]
Names = Callable[[str], Awaitable[str]]


class Registrations:
    """`open`, `start`, `release` run inside the caller's transaction, under the claim's lock; handlers open theirs."""

    def __init__(
        self, database: Database, clock: Clock, outbox: Outbox, registry: Registry, records: Records, names: Names
    ) -> None:
        """Registers the handlers of its topics with the outbox. `names` gives an enterprise's registered name."""
        self._names = names
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._registry = registry
        self._records = records
        self._lock: Locked | None = None
        self._settled: Settled | None = None
        self._content: Content | None = None
        outbox.register(REGISTER_TOPIC, self.register)
        outbox.register(DEREGISTER_TOPIC, self.deregister)
        outbox.register(LOOK_TOPIC, self.look)

    def serve(self, lock: Locked, settled: Settled, content: Content) -> None:
        """`lock` locks a claim by its id; `settled` is told, under that lock, whether the receivable is ours; `content`
        says what is still owed on it, in fen, None for nothing to say.
        """
        self._lock, self._settled, self._content = lock, settled, content

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
        # Made anew it comes behind another's, which is better than unregistered: the loan is paid out already.
        if not await self._queried(claim_id, is_clear=not prior or registration.attempt > 1):
            return
        names = await self._named(registration)
        ends = self._today() + TERM
        entry = await self._registry.register(registration.register_id, registration.invoice, ends, names)
        found = await self._registry.search(registration.invoice)
        await self._registered(claim_id, entry, is_first=_is_first(entry, found))

    async def deregister(self, message: Message) -> None:
        """Ends a registration whose claim was given up. Raises PROVIDER_UNAVAILABLE."""
        claim_id = str(message.payload["claim_id"])
        given_up = await stored.find(claim_id)
        try:
            await self._registry.deregister(claim_id if given_up is None else given_up.register_id)
        except HuilianError as error:
            # Never registered; if a registration is still under way, it sends this message again.
            if error.code != "NOT_FOUND":
                raise
        async with self._database.transaction():
            registration = await self._locked(claim_id)
            if registration.state is _S.RELEASING:
                await self._records.registration("deregistered", await stored.move(registration, _E.DEREGISTER))

    async def look(self, message: Message) -> None:
        """Looks at a live registration: amends what changed, extends it before its end, notes an objection; one that
        ran out is asked for anew. Again it changes nothing. Raises PROVIDER_UNAVAILABLE.
        """
        claim_id = str(message.payload["claim_id"])
        registration = await stored.find(claim_id)
        if registration is None or registration.state not in LIVE:
            return
        entry = await self._registry.look(registration.register_id)
        if not entry.is_over:
            entry = await self._brought_up_to_date(registration, entry)
        async with self._database.transaction():
            current = await self._locked(claim_id)
            # Given up, or made anew, while the register was asked.
            if current.state in LIVE and current.attempt == registration.attempt:
                await self._note(current, entry)

    async def queue_look(self, claim_id: str, why: str) -> None:
        """Something about a claim changed: its registration is looked at soon."""
        await self._outbox.put(LOOK_TOPIC, f"{claim_id}:{why}", {"claim_id": claim_id})

    async def queue_looks(self) -> None:
        """Queues a look at every live registration, once a day. Opens its own transaction."""
        today = self._today()
        async with self._database.transaction():
            for claim_id in await stored.ids_to_look_at(today, BATCH):
                await stored.looked_at(claim_id, today)
                await self._outbox.put(LOOK_TOPIC, f"{claim_id}:{today}", {"claim_id": claim_id})

    async def conflicted(self, claim_id: str) -> bool:
        """Whether new money on a claim is refused because of a prior registration."""
        return await self.stands(claim_id) is False

    async def stands(self, claim_id: str) -> bool | None:
        """Whether new money may rest on a claim's registration; None while it is being made."""
        registration = await stored.find(claim_id)
        if registration is None:
            return True
        if registration.state in (_S.REQUESTED, _S.QUERIED):
            return None
        return registration.state is not _S.CONFLICTED and not registration.outranked

    async def of_claim(self, claim_id: str) -> Registration | None:
        """A claim's registration, or None."""
        return await stored.find(claim_id)

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
            elif registration.attempt == 1 and not is_first:
                await self._conflict(registration)
                await self._put_release(claim_id, "lost")
            else:
                await self._made(registration, entry, is_first=is_first)

    async def _made(self, registration: Registration, entry: RegisteredEntry, *, is_first: bool) -> None:
        done = await stored.move(
            registration,
            _E.REGISTER,
            number=entry.number,
            registered_at=entry.registered_at,
            expires_on=entry.expires_on,
            names=entry.names,
            invoice=replace(registration.invoice, amount_fen=entry.amount_fen),
            outranked=not is_first,
        )
        anew = "renewed" if is_first else "outranked"
        await self._records.registration("registered" if registration.attempt == 1 else anew, done)
        await self._tell(registration.claim_id, ours=is_first)

    async def _conflict(self, queried: Registration) -> None:
        conflicted = await stored.move(queried, _E.CONFLICT)
        await self._records.registration("conflicted", conflicted)
        await self._tell(queried.claim_id, ours=False)

    async def _brought_up_to_date(self, registration: Registration, entry: RegisteredEntry) -> RegisteredEntry:
        """The entry with what is owed today, today's names, and time left; the register answers the same again."""
        assert self._content is not None, "wired by the service"
        owed_fen, names = await self._content(registration.claim_id), await self._named(registration)
        amount_fen = entry.amount_fen if owed_fen is None else owed_fen
        known = PartyNames(names.grantor or entry.names.grantor, names.debtor or entry.names.debtor)
        if (entry.amount_fen, entry.names) != (amount_fen, known):
            entry = await self._registry.amend(registration.register_id, amount_fen, known)
        if is_to_extend(entry.expires_on, self._today()):
            entry = await self._registry.extend(registration.register_id, self._today() + TERM)
        return entry

    async def _note(self, current: Registration, entry: RegisteredEntry) -> None:
        if entry.is_over:
            await self._renew(current)
            return
        if entry.objection and entry.objection != current.objection:
            current = await stored.move(current, _E.OBJECT, objection=entry.objection)
            await self._records.registration("objected", current)
        if (entry.amount_fen, entry.names) != (current.invoice.amount_fen, current.names):
            invoice = replace(current.invoice, amount_fen=entry.amount_fen)
            current = await stored.move(current, _E.AMEND, invoice=invoice, names=entry.names)
            await self._records.registration("amended", current)
        if entry.expires_on != current.expires_on:
            current = await stored.move(current, _E.EXTEND, expires_on=entry.expires_on)
            await self._records.registration("extended", current)

    async def _renew(self, current: Registration) -> None:
        """It ran out under a claim that lives: asked for anew, under another id of the register's."""
        expired = await stored.move(current, _E.EXPIRE)
        await self._records.registration("expired", expired)
        renewing = await stored.move(expired, _E.RENEW, attempt=expired.attempt + 1)
        await self._outbox.put(REGISTER_TOPIC, renewing.register_id, {"claim_id": renewing.claim_id})

    async def _named(self, registration: Registration) -> PartyNames:
        grantor, debtor = registration.invoice.seller_uscc, registration.invoice.buyer_uscc
        return PartyNames(await self._names(grantor), await self._names(debtor))

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
