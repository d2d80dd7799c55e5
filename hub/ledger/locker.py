"""Bringing this hub's lock on an invoice onto the chain, and off it.

What to do next is read from the chain's locks each time, never from memory, so a run that dies anywhere is simply run
again.
"""

from __future__ import annotations

from huilian_protocol.clock import Clock

from hub.ledger.rules import ClaimStep, next_step, owner_commitment
from hub.ledger.store import ClaimStore, HoldRow
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainUnavailable
from ledger.anchor.sender import Sender
from ledger.contract import calls
from ledger.contract.calls import LockState

RESERVATION_SECONDS = 600
_FINGERPRINT_BYTES = 32
# Reserve, finance, and two more rounds for a reservation that ran out in between.
_MAX_STEPS = 6
_GAS_BASE, _GAS_PER_FINGERPRINT = 80_000, 90_000


class Locker:
    """Locks and releases holds. Runs outside transactions, as often as it takes."""

    def __init__(self, contract: LedgerContract, sender: Sender, store: ClaimStore, clock: Clock) -> None:
        self._contract = contract
        self._sender = sender
        self._store = store
        self._clock = clock

    async def hold(self, hold: HoldRow) -> bool:
        """Reserve and finance until the chain shows our final lock (True) or somebody else's (False).

        Raises `ChainUnavailable` when neither can be known now.
        """
        for _ in range(_MAX_STEPS):
            step = await self._next_step(hold)
            if step is ClaimStep.DONE:
                # Our lock is there; it counts once the transaction that made it is final, not only mined.
                await self._sender.resume(f"{ClaimStep.FINANCE}:{hold.id}:")
            if step in (ClaimStep.DONE, ClaimStep.REFUSED):
                return step is ClaimStep.DONE
            if await self._contract.paused():
                raise ChainUnavailable("the hubs of the chain have paused claims")
            await self._execute(hold, step.value, self._call(hold, step))
        raise ChainUnavailable("the locks do not settle")

    async def release(self, hold: HoldRow) -> None:
        """Release our locks, if there are any. Raises `ChainUnavailable`."""
        for _ in range(_MAX_STEPS):
            if not await self._held(hold):
                return
            await self._execute(hold, "release", calls.release(_prints(hold), _commitment(hold)))
        raise ChainUnavailable("the locks do not go")

    async def _next_step(self, hold: HoldRow) -> ClaimStep:
        step = await self._step_at(hold, "latest")
        # Somebody else's lock counts once nothing undoes it any more: it might be ours in the end.
        if step is ClaimStep.REFUSED and await self._step_at(hold, await self._sender.final_block()) is not step:
            raise ChainUnavailable("another hub's lock is not final yet")
        return step

    async def _step_at(self, hold: HoldRow, block: str) -> ClaimStep:
        locks = await self._contract.locks(_prints(hold), block)
        return next_step(locks, await self._hub(), _commitment(hold), self._now())

    async def _held(self, hold: HoldRow) -> bool:
        mine = (await self._hub(), _commitment(hold))
        locks = await self._contract.locks(_prints(hold))
        return any(
            (lock.owner, lock.owner_commitment) == mine and lock.state is not LockState.RELEASED for lock in locks
        )

    async def _hub(self) -> int:
        hub = await self._contract.hub_number(self._sender.address)
        if not hub:
            raise ChainUnavailable("this hub is not enrolled on the chain")
        return hub

    def _call(self, hold: HoldRow, step: ClaimStep) -> bytes:
        if step is ClaimStep.RESERVE:
            return calls.reserve(_prints(hold), _commitment(hold), self._now() + RESERVATION_SECONDS)
        return calls.finance(_prints(hold), _commitment(hold))

    async def _execute(self, hold: HoldRow, deed: str, data: bytes) -> None:
        gas_limit = _GAS_BASE + _GAS_PER_FINGERPRINT * len(_prints(hold))
        await self._sender.execute(f"{deed}:{hold.id}:{hold.attempts}", data, gas_limit)
        # Whether it succeeded is read from the locks; a further transaction of this kind must be another one.
        await self._store.count_attempt(hold)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _prints(hold: HoldRow) -> list[bytes]:
    joined = bytes(hold.fingerprints)
    return [joined[at : at + _FINGERPRINT_BYTES] for at in range(0, len(joined), _FINGERPRINT_BYTES)]


def _commitment(hold: HoldRow) -> bytes:
    return owner_commitment(hold.id, bytes(hold.salt))
