"""Claims: a receivable is locked on the chain, for everyone, before money leaves.

While the chain is away a claim stays pending, and nothing is disbursed on a pending claim.
"""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.ledger.locker import Locker
from hub.ledger.rules import LIVE, ClaimState, HoldState
from hub.ledger.store import ClaimRow, ClaimStore, HoldRow
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.transactions import require_transaction
from ledger.anchor.contract import LedgerContract
from ledger.anchor.sender import Sender
from ledger.registry.fingerprints import InvoiceIdentity, fingerprints

LOCK_TOPIC, RELEASE_TOPIC, DECIDED_TOPIC = "claim.lock", "claim.release", "claim.decided"
TAKEN = "CLAIM_ALREADY_FINANCED"
_SALT_BYTES = 32


class ReleaseRunning(Exception):
    """The invoice's earlier lock is being released; the message is tried again shortly."""


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
        consortium_key: Callable[[], bytes],
    ) -> None:
        """Registers the handlers of its own topics with the outbox."""
        self._database = database
        self._clock = clock
        self._random_bytes = random_bytes
        self._outbox = outbox
        self._consortium_key = consortium_key
        self._store = ClaimStore(database)
        self._locker = Locker(contract, sender, self._store, clock)
        outbox.register(LOCK_TOPIC, self._lock)
        outbox.register(RELEASE_TOPIC, self._release)

    async def request(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        """Ask, in the caller's transaction, that the invoice be locked for this claim; the same again is a no-op.

        The answer comes as the outbox topic "claim.decided": {"claim_id", "state": "FINANCED" or "REFUSED", "reason"}.
        Claims of this hub on the same invoice share its lock: keeping the parts of a receivable apart is the caller's
        work. Raises HuilianError ALREADY_EXISTS when the claim id stands for another invoice.
        """
        require_transaction("a claim")
        prints = fingerprints(invoice, self._consortium_key())
        hold_id, joined = prints[0].hex(), b"".join(prints)
        hold = await self._store.lock_hold(hold_id)
        known = await self._store.find(claim_id)
        if known is not None:
            if known.hold_id != hold_id:
                raise HuilianError("ALREADY_EXISTS", "this claim id stands for another invoice", resource="claim")
            return
        if await self._want(hold, hold_id, joined):
            await self._store.add(claim_id, hold_id, ClaimState.PENDING.value, "", self._clock.now())
            await self._outbox.put(LOCK_TOPIC, claim_id, {"claim_id": claim_id})
        else:
            await self._store.add(claim_id, hold_id, ClaimState.REFUSED.value, TAKEN, self._clock.now())
            await self._tell(claim_id, ClaimState.REFUSED, TAKEN)

    async def _want(self, hold: HoldRow | None, hold_id: str, joined: bytes) -> bool:
        """Note that the hold is needed; False when we hold an invoice of this number with other contents."""
        if hold is None:
            salt = self._random_bytes(_SALT_BYTES)
            row = HoldRow(id=hold_id, fingerprints=joined, salt=salt, state=HoldState.WANTED.value, attempts=0)
            await self._store.add_hold(row)
            return True
        if hold.state == HoldState.RELEASED.value:
            hold.state, hold.fingerprints = HoldState.WANTED.value, joined
            await hold.save()
        return bytes(hold.fingerprints) == joined

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
            raise ReleaseRunning(f"claim {claim.claim_id} waits for an earlier lock to be released")
        financed = await self._locker.hold(hold)
        await self._decide(claim, ClaimState.FINANCED if financed else ClaimState.REFUSED, "" if financed else TAKEN)

    async def _decide(self, claim: ClaimRow, state: ClaimState, reason: str) -> None:
        async with self._database.transaction():
            hold = await self._store.lock_hold(claim.hold_id)
            if await self._store.move(claim.claim_id, [ClaimState.PENDING.value], state.value, reason):
                await self._tell(claim.claim_id, state, reason)
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
        await self._locker.release(hold)
        async with self._database.transaction():
            locked = await self._store.lock_hold(hold.id)
            if locked is not None and locked.state == HoldState.RELEASING.value:
                wanted = await self._store.count(hold.id, LIVE)
                locked.state = HoldState.WANTED.value if wanted else HoldState.RELEASED.value
                await locked.save()
