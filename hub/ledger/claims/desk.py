"""Claims: a receivable is locked on the chain, for everyone, before money leaves.

While the chain is away a claim stays pending, and nothing is disbursed on a pending claim.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import suppress

from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.ledger.claims.batches import Batches
from hub.ledger.claims.locker import HoldChanged, Locker
from hub.ledger.claims.rules import LIVE, ClaimState, HoldState, owner_commitment
from hub.ledger.claims.store import ClaimRow, HoldRow
from hub.ledger.claims.stored import ClaimStore
from hub.ledger.cover.desk import CoveredBatches, Covering, LeftToBeat
from hub.ledger.cover.rules import Beat
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.transactions import require_transaction
from ledger.anchor.contract import LedgerContract
from ledger.anchor.sender import Sender
from ledger.registry.fingerprints import ClaimKeys, InvoiceIdentity
from ledger.registry.invoices import identifiers

LOCK_TOPIC, RELEASE_TOPIC, DECIDED_TOPIC = "claim.lock", "claim.release", "claim.decided"
# Another bank's lock was in the way: {"claim_id", "owner", "owner_commitment", "identifier"}.
REFUSED_TOPIC = "claim.refused"
TAKEN = "CLAIM_ALREADY_FINANCED"
_SALT_BYTES = 32
EXTEND_EVERY_S = 60.0
# Claims that are locked together: two transactions of the smallest ones.
AT_ONCE = 64

logger = logging.getLogger(__name__)


class EpochDropped(Exception):
    """The hub must not run: what it financed is invisible to the hubs that know the active epochs only."""


class ClaimService:
    """Locks and releases receivables."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        outbox: Outbox,
        contract: LedgerContract,
        sender: Sender,
        keys: ClaimKeys,
        cover: Beat | None = None,
    ) -> None:
        """Registers the handlers of its own topics with the outbox. `cover` sends claims under cover at its beats."""
        self._database = database
        self._clock = clock
        self._random_bytes = random_bytes
        self._outbox = outbox
        self._keys = keys
        self._extended_to: tuple[int, ...] = ()
        self._store = ClaimStore(database)
        self.covering: Covering | None = None
        batches = Batches(database, sender, self._store, clock)
        if cover is not None:
            topics = LOCK_TOPIC, RELEASE_TOPIC
            self.covering = Covering(database, clock, random_bytes, outbox, contract, sender, cover, topics)
            batches = CoveredBatches(database, sender, self._store, clock, covers=self.covering.store)
        self._locker = Locker(contract, sender, self._store, batches, clock)
        outbox.register(LOCK_TOPIC, self._lock, at_once=AT_ONCE)
        outbox.register(RELEASE_TOPIC, self._release, at_once=AT_ONCE)

    async def request(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        """Ask, in the caller's transaction, that the invoice be locked for this claim; the same again is a no-op.

        The answer comes as the outbox topic "claim.decided": {"claim_id", "state": "FINANCED" or "REFUSED", "reason"}.
        Claims of this hub on the same invoice share its lock: keeping the parts of a receivable apart is the caller's
        work. Raises HuilianError ALREADY_EXISTS when the claim id stands for another invoice.
        """
        require_transaction("a claim")
        wanted = [identifier.decode() for identifier in identifiers(invoice)]
        hold_id, contents = hashlib.sha256(wanted[0].encode()).hexdigest(), json.dumps(wanted)
        hold = await self._store.lock_hold(hold_id)
        known = await self._store.find(claim_id)
        if known is not None:
            if known.hold_id != hold_id:
                raise HuilianError("ALREADY_EXISTS", "this claim id stands for another invoice", resource="claim")
            return
        if await self._want(hold, hold_id, contents):
            await self._store.add(claim_id, hold_id, ClaimState.PENDING.value, "", self._clock.now())
            await self._outbox.put(LOCK_TOPIC, claim_id, {"claim_id": claim_id})
        else:
            await self._store.add(claim_id, hold_id, ClaimState.REFUSED.value, TAKEN, self._clock.now())
            await self._tell(claim_id, ClaimState.REFUSED, TAKEN)

    async def _want(self, hold: HoldRow | None, hold_id: str, contents: str) -> bool:
        """Note that the hold is needed; False when we hold an invoice of this number with other contents."""
        if hold is None:
            await self._store.add_hold(self._fresh(HoldRow(id=hold_id, deed=""), contents))
            return True
        if hold.state == HoldState.RELEASED.value:
            await self._fresh(hold, contents).save()
        return hold.identifiers == contents

    def _fresh(self, hold: HoldRow, contents: str) -> HoldRow:
        """A hold that nothing on the chain belongs to: another salt, so that nobody sees that it is the same again."""
        hold.state, hold.identifiers = HoldState.WANTED.value, contents
        hold.salt, hold.fingerprints = self._random_bytes(_SALT_BYTES), b""
        hold.epochs = hold.locked_epochs = "[]"
        hold.owner_commitment = owner_commitment(hold.id, hold.salt).hex()
        return hold

    async def state(self, claim_id: str) -> ClaimState:
        """Return a claim's state. Raises HuilianError NOT_FOUND."""
        return ClaimState((await self._find(claim_id)).state)

    async def release(self, claim_id: str) -> None:
        """Give a claim up in the caller's transaction; again is a no-op. The last claim's end frees the receivable.

        Raises HuilianError NOT_FOUND.
        """
        require_transaction("releasing a claim")
        claim = await self._find(claim_id)
        hold = await self._store.lock_hold(claim.hold_id)
        if await self._store.move(claim_id, LIVE, ClaimState.RELEASED.value):
            await self._let_go(hold, claim_id)

    async def _let_go(self, hold: HoldRow | None, because_of: str) -> None:
        """Start releasing a hold that no live claim needs; its row is locked by the caller."""
        if hold is not None and not await self._store.count(hold.id, LIVE):
            hold.state = HoldState.RELEASING.value
            await hold.save()
            await self._outbox.put(RELEASE_TOPIC, because_of, {"hold_id": hold.id})

    async def _find(self, claim_id: str) -> ClaimRow:
        row = await self._store.find(claim_id)
        if row is None:
            raise HuilianError("NOT_FOUND", "no such claim", resource="claim")
        return row

    async def _lock(self, message: Message) -> None:
        claim = await self._find(message.payload["claim_id"])
        if claim.state != ClaimState.PENDING.value:
            return
        hold = await self._store.hold(claim.hold_id)
        if hold.state == HoldState.RELEASING.value:
            raise HoldChanged(f"claim {claim.claim_id} waits for an earlier lock to be released")
        hold = await self._derive(hold)
        try:
            financed = await self._locker.hold(hold)
        except LeftToBeat:
            return
        await self._decide(claim, hold.epochs if financed else None, {} if financed else await self._in_the_way(hold))

    async def _in_the_way(self, hold: HoldRow) -> dict[str, object]:
        """Whose lock is where ours should be, and on which identifier; empty when it is our own or gone."""
        found = await self._locker.blocking(hold)
        texts = parse_json(hold.identifiers.encode())
        if found is None or found.place >= len(texts) * len(_epochs(hold.epochs)):
            return {}
        # Fingerprints follow each other by epochs, in each in the order of the identifiers.
        identifier = texts[found.place % len(texts)]
        return {"owner": found.owner, "owner_commitment": found.owner_commitment.hex(), "identifier": identifier}

    async def _derive(self, hold: HoldRow) -> HoldRow:
        """Give a hold the fingerprints of every active epoch that it has not yet. Asks the keys, so in no transaction.

        Raises QuorumMissing: then the claim stays pending.
        """
        missing = self._missing_epochs(hold)
        if not missing:
            return hold
        texts = [text.encode() for text in parse_json(hold.identifiers.encode())]
        fresh = {epoch: b"".join(await self._keys.evaluate(epoch, texts)) for epoch in missing}
        async with self._database.transaction():
            locked = await self._store.lock_hold(hold.id)
            if locked is None or locked.salt != hold.salt or locked.state != HoldState.WANTED.value:
                raise HoldChanged(f"hold {hold.id} changed meanwhile")
            for epoch in [one for one in self._missing_epochs(locked) if one in fresh]:
                locked.fingerprints = bytes(locked.fingerprints) + fresh[epoch]
                locked.epochs = json.dumps([*_epochs(locked.epochs), epoch])
            await locked.save()
        return locked

    def _missing_epochs(self, hold: HoldRow) -> list[int]:
        done = _epochs(hold.epochs)
        return [epoch for epoch in self._keys.epochs() if epoch not in done]

    async def run(self, stop: asyncio.Event) -> None:
        """Bring live locks under each epoch that becomes active, until `stop`. A failing round is tried again."""
        while not stop.is_set():
            try:
                await self.extend_holds()
            except Exception as error:  # noqa: BLE001  chain or evaluators may be away for long
                logger.error("claims.extending_failed", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EXTEND_EVERY_S)

    async def extend_holds(self) -> int:
        """Lock what is financed under the active epochs that it is not locked under yet; how many holds were.

        An epoch may be dropped once every hub of the consortium has nothing left to extend.
        """
        active, extended = self._keys.epochs(), 0
        if active != self._extended_to:
            for done in await self._store.locked_epochs():
                if not set(active) <= set(_epochs(done)):
                    extended += await self._extend_all(done)
            self._extended_to = active
        return extended

    async def _extend_all(self, done: str) -> int:
        extended, last = 0, ""
        while holds := await self._store.live_holds(done, last, AT_ONCE):
            extended += sum(await asyncio.gather(*map(self._extend, holds)))
            last = holds[-1].id
        return extended

    async def _extend(self, hold: HoldRow) -> bool:
        hold = await self._derive(hold)
        if not await self._locker.hold(hold):
            # Only a hub that skipped the overlap can have come between: ours is the older lock, and it stays.
            logger.error("claims.extension_refused", extra={"hold_id": hold.id})
            return False
        async with self._database.transaction():
            await self._note_locked(await self._store.lock_hold(hold.id), hold.epochs)
        return True

    async def _note_locked(self, hold: HoldRow | None, epochs: str) -> None:
        if hold is not None and hold.locked_epochs != epochs:
            hold.locked_epochs = epochs
            await hold.save()

    async def check_at_start(self) -> None:
        """Raise `EpochDropped` when a financed receivable is locked under no active epoch: others could finance it."""
        active = set(self._keys.epochs())
        for done in await self._store.locked_epochs():
            if not active & set(_epochs(done)):
                raise EpochDropped(f"receivables are locked under claim-key epochs {done} only: make one active again")

    async def _decide(self, claim: ClaimRow, locked_epochs: str | None, in_the_way: dict[str, object]) -> None:
        state, reason = (ClaimState.FINANCED, "") if locked_epochs else (ClaimState.REFUSED, TAKEN)
        async with self._database.transaction():
            hold = await self._store.lock_hold(claim.hold_id)
            if locked_epochs:
                await self._note_locked(hold, locked_epochs)
            if await self._store.move(claim.claim_id, [ClaimState.PENDING.value], state.value, reason):
                await self._tell(claim.claim_id, state, reason)
                if in_the_way:
                    await self._outbox.put(REFUSED_TOPIC, claim.claim_id, {"claim_id": claim.claim_id, **in_the_way})
            else:
                # Given up while we were locking: the lock that we may just have made has to go.
                await self._let_go(hold, f"{claim.claim_id}:late")

    async def _tell(self, claim_id: str, state: ClaimState, reason: str) -> None:
        payload: dict[str, object] = {"claim_id": claim_id, "state": state.value, "reason": reason}
        await self._outbox.put(DECIDED_TOPIC, claim_id, payload)

    async def _release(self, message: Message) -> None:
        hold = await self._store.hold(message.payload["hold_id"])
        if hold.state != HoldState.RELEASING.value:
            return
        try:
            await self._locker.release(hold)
        except LeftToBeat:
            return
        async with self._database.transaction():
            locked = await self._store.lock_hold(hold.id)
            if locked is not None and locked.state == HoldState.RELEASING.value:
                wanted = await self._store.count(hold.id, LIVE)
                locked.state = HoldState.WANTED.value if wanted else HoldState.RELEASED.value
                await locked.save()


def _epochs(text: str) -> list[int]:
    found: list[int] = parse_json(text.encode())
    return found
