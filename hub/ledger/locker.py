"""Bringing this hub's lock on an invoice onto the chain, and off it.

What to do next is read from the chain's locks each time, never from memory, so a run that dies anywhere is simply run
again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from huilian_protocol.clock import Clock

from hub.ledger.rules import ClaimStep, NextStep, next_step, owner_commitment
from hub.ledger.store import HoldRow
from hub.ledger.stored_claims import ClaimStore
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainUnavailable
from ledger.anchor.sender import Sender
from ledger.contract import calls
from ledger.contract.calls import LockState
from ledger.registry.fingerprints import FINGERPRINT_BYTES, padded, padding

RESERVATION_SECONDS = 600
# Reserve, finance, and two more rounds for a reservation that ran out in between.
_MAX_STEPS = 6
_GAS_BASE, _GAS_PER_FINGERPRINT = 80_000, 90_000


@dataclass(frozen=True, slots=True)
class Blocking:
    """A lock in the way: the place of the fingerprint, the number of its hub, its owner commitment."""

    place: int
    owner: int
    owner_commitment: bytes


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
            next_one = await self._next_step(hold)
            if next_one.step is ClaimStep.DONE:
                # Our lock is there; it counts once the transaction that made it is final, not only mined.
                await self._sender.resume(f"{ClaimStep.FINANCE}:{hold.id}:")
            if next_one.step in (ClaimStep.DONE, ClaimStep.REFUSED):
                return next_one.step is ClaimStep.DONE
            if await self._contract.paused():
                raise ChainUnavailable("the hubs of the chain have paused claims")
            await self._execute(hold, next_one.step.value, *self._call(hold, next_one))
        raise ChainUnavailable("the locks do not settle")

    async def blocking(self, hold: HoldRow) -> Blocking | None:
        """Another hub's lock that is in the way; None when none is any more, or it is our own."""
        locks = await self._contract.locks(_prints(hold))
        found = next_step(locks, await self._hub(), _commitment(hold), self._now())
        if found.step is not ClaimStep.REFUSED:
            return None
        lock = locks[found.places[0]]
        own = lock.owner == await self._hub()
        return None if own else Blocking(found.places[0], lock.owner, lock.owner_commitment)

    async def release(self, hold: HoldRow) -> None:
        """Release our locks, if there are any. Raises `ChainUnavailable`."""
        for _ in range(_MAX_STEPS):
            held = await self._held(hold)
            if not held:
                return
            await self._execute(hold, "release", calls.release(held, _commitment(hold)), len(held))
        raise ChainUnavailable("the locks do not go")

    async def _next_step(self, hold: HoldRow) -> NextStep:
        step = await self._step_at(hold, "latest")
        # Somebody else's lock counts once nothing undoes it any more: it might be ours in the end.
        if step.step is ClaimStep.REFUSED:
            final = await self._step_at(hold, await self._sender.final_block())
            if final.step is not ClaimStep.REFUSED:
                raise ChainUnavailable("another hub's lock is not final yet")
        return step

    async def _step_at(self, hold: HoldRow, block: str) -> NextStep:
        locks = await self._contract.locks(_prints(hold), block)
        return next_step(locks, await self._hub(), _commitment(hold), self._now())

    async def _held(self, hold: HoldRow) -> list[bytes]:
        mine, real = (await self._hub(), _commitment(hold)), _real(hold)
        # With fewer fingerprints it may have been padded by more.
        prints = [*real, *padding(len(real), _secret(hold))]
        locks = await self._contract.locks(prints)
        return [
            fingerprint
            for fingerprint, lock in zip(prints, locks, strict=True)
            if (lock.owner, lock.owner_commitment) == mine and lock.state is not LockState.RELEASED
        ]

    async def _hub(self) -> int:
        hub = await self._contract.hub_number(self._sender.address)
        if not hub:
            raise ChainUnavailable("this hub is not enrolled on the chain")
        return hub

    def _call(self, hold: HoldRow, next_one: NextStep) -> tuple[bytes, int]:
        prints, commitment = _prints(hold), _commitment(hold)
        chosen = [prints[at] for at in next_one.places]
        if next_one.step is ClaimStep.RESERVE:
            return calls.reserve(chosen, commitment, self._now() + RESERVATION_SECONDS), len(chosen)
        return calls.finance(chosen, commitment), len(chosen)

    async def _execute(self, hold: HoldRow, deed: str, data: bytes, count: int) -> None:
        gas_limit = _GAS_BASE + _GAS_PER_FINGERPRINT * count
        await self._sender.execute(f"{deed}:{hold.id}:{hold.attempts}", data, gas_limit)
        # Whether it succeeded is read from the locks; a further transaction of this kind must be another one.
        await self._store.count_attempt(hold)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _prints(hold: HoldRow) -> list[bytes]:
    return padded(_real(hold), _secret(hold))


def _real(hold: HoldRow) -> list[bytes]:
    joined = bytes(hold.fingerprints)
    return [joined[at : at + FINGERPRINT_BYTES] for at in range(0, len(joined), FINGERPRINT_BYTES)]


def _secret(hold: HoldRow) -> bytes:
    return hashlib.sha256(b"padding" + bytes(hold.salt) + hold.id.encode()).digest()


def _commitment(hold: HoldRow) -> bytes:
    return owner_commitment(hold.id, bytes(hold.salt))
