"""Claims: a receivable is locked on the chain, for everyone, before money leaves.

What to do next is read from the chain's locks each time, never from memory, so a run that dies anywhere is simply run
again. While the chain is away a claim stays pending, and nothing is disbursed on a pending claim.
"""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.ledger.rules import ClaimState, ClaimStep, next_step, owner_commitment
from hub.ledger.store import ClaimRow, ClaimStore
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.transactions import require_transaction
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainUnavailable
from ledger.anchor.sender import Sender
from ledger.contract import calls
from ledger.registry.fingerprints import InvoiceIdentity, fingerprints

LOCK_TOPIC, RELEASE_TOPIC, DECIDED_TOPIC = "claim.lock", "claim.release", "claim.decided"
RESERVATION_SECONDS = 600
_SALT_BYTES = 32
_FINGERPRINT_BYTES = 32
# Reserve, finance, and one more round for a reservation that ran out in between.
_MAX_STEPS = 6
_GAS_BASE, _GAS_PER_FINGERPRINT = 80_000, 90_000


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
        self._contract = contract
        self._sender = sender
        self._consortium_key = consortium_key
        self._store = ClaimStore(database)
        outbox.register(LOCK_TOPIC, self._lock)
        outbox.register(RELEASE_TOPIC, self._release)

    async def request(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        """Ask, in the caller's transaction, that the invoice be locked for this claim; the same again is a no-op.

        The answer comes as the outbox topic "claim.decided": {"claim_id", "state": "FINANCED" or "REFUSED", "reason"}.
        Raises HuilianError ALREADY_EXISTS when the claim id stands for another invoice.
        """
        require_transaction("a claim")
        prints = b"".join(fingerprints(invoice, self._consortium_key()))
        known = await self._store.find(claim_id)
        if known is not None:
            if bytes(known.fingerprints) != prints:
                raise HuilianError("ALREADY_EXISTS", "this claim id stands for another invoice", resource="claim")
            return
        salt = self._random_bytes(_SALT_BYTES)
        row = ClaimRow(claim_id=claim_id, fingerprints=prints, salt=salt, state=ClaimState.PENDING.value)
        row.reason, row.attempts, row.requested_at = "", 0, self._clock.now()
        await self._store.add(row)
        await self._outbox.put(LOCK_TOPIC, claim_id, {"claim_id": claim_id})

    async def state(self, claim_id: str) -> ClaimState:
        """Return a claim's state. Raises HuilianError NOT_FOUND."""
        return ClaimState((await self._find(claim_id)).state)

    async def release(self, claim_id: str) -> None:
        """Give a claim up in the caller's transaction, so that the receivable can be financed again; again is a no-op.

        Raises HuilianError NOT_FOUND.
        """
        require_transaction("releasing a claim")
        await self._find(claim_id)
        held = (ClaimState.PENDING.value, ClaimState.FINANCED.value)
        if await self._store.move(claim_id, held, ClaimState.RELEASING.value):
            await self._outbox.put(RELEASE_TOPIC, claim_id, {"claim_id": claim_id})

    async def _find(self, claim_id: str) -> ClaimRow:
        row = await self._store.find(claim_id)
        if row is None:
            raise HuilianError("NOT_FOUND", "no such claim", resource="claim")
        return row

    async def _lock(self, message: Message) -> None:
        claim = await self._find(message.payload["claim_id"])
        if claim.state != ClaimState.PENDING.value:
            return
        if await self._settle(claim) is ClaimStep.DONE:
            await self._decide(claim, ClaimState.FINANCED, "")
        else:
            await self._decide(claim, ClaimState.REFUSED, "CLAIM_ALREADY_FINANCED")

    async def _settle(self, claim: ClaimRow) -> ClaimStep:
        """Reserve and finance until the chain shows our final lock or somebody else's."""
        for _ in range(_MAX_STEPS):
            step = await self._next_step(claim)
            if step is ClaimStep.DONE:
                # Our lock is there; with the transaction that made it being final, not only mined.
                await self._sender.resume(f"{ClaimStep.FINANCE}:{claim.claim_id}:")
                return step
            if step is ClaimStep.REFUSED:
                return step
            await self._send(claim, step)
        raise ChainUnavailable("the claim's locks do not settle")

    async def _next_step(self, claim: ClaimRow) -> ClaimStep:
        locks = await self._contract.locks(_prints(claim))
        return next_step(locks, self._sender.address, _commitment(claim), int(self._clock.now().timestamp()))

    async def _send(self, claim: ClaimRow, step: ClaimStep) -> None:
        prints, commitment = _prints(claim), _commitment(claim)
        if step is ClaimStep.RESERVE:
            expiry = int(self._clock.now().timestamp()) + RESERVATION_SECONDS
            data = calls.reserve(prints, commitment, expiry)
        else:
            data = calls.finance(prints, commitment)
        await self._execute(claim, step.value, data)

    async def _execute(self, claim: ClaimRow, deed: str, data: bytes) -> None:
        gas_limit = _GAS_BASE + _GAS_PER_FINGERPRINT * len(_prints(claim))
        await self._sender.execute(f"{deed}:{claim.claim_id}:{claim.attempts}", data, gas_limit)
        # Whether it succeeded is read from the locks; a further transaction of this kind must be another one.
        await self._store.count_attempt(claim.claim_id)
        claim.attempts += 1

    async def _decide(self, claim: ClaimRow, state: ClaimState, reason: str) -> None:
        async with self._database.transaction():
            if await self._store.move(claim.claim_id, [ClaimState.PENDING.value], state.value, reason):
                payload: dict[str, object] = {"claim_id": claim.claim_id, "state": state.value, "reason": reason}
                await self._outbox.put(DECIDED_TOPIC, claim.claim_id, payload)
            else:
                # Given up while we were locking: the lock that we may just have made has to go.
                await self._outbox.put(RELEASE_TOPIC, f"{claim.claim_id}:late", {"claim_id": claim.claim_id})

    async def _release(self, message: Message) -> None:
        claim = await self._find(message.payload["claim_id"])
        commitment = _commitment(claim)
        locks = await self._contract.locks(_prints(claim))
        held = [lock.owner == self._sender.address and lock.owner_commitment == commitment for lock in locks]
        if any(mine and lock.state is not calls.LockState.RELEASED for lock, mine in zip(locks, held, strict=True)):
            await self._execute(claim, "release", calls.release(_prints(claim), commitment))
            await self._release(message)
            return
        async with self._database.transaction():
            await self._store.move(claim.claim_id, [ClaimState.RELEASING.value], ClaimState.RELEASED.value)


def _prints(claim: ClaimRow) -> list[bytes]:
    joined = bytes(claim.fingerprints)
    return [joined[at : at + _FINGERPRINT_BYTES] for at in range(0, len(joined), _FINGERPRINT_BYTES)]


def _commitment(claim: ClaimRow) -> bytes:
    return owner_commitment(claim.claim_id, bytes(claim.salt))
