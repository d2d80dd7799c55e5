"""Bringing this hub's lock on an invoice onto the chain, and off it.

What to do next is read from the chain's locks each time, never from memory, so a run that dies anywhere is simply run
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from huilian_protocol.clock import Clock

from hub.ledger.claims.batches import Batches
from hub.ledger.claims.rules import ClaimStep, Deed, NextStep, next_step, owner_commitment
from hub.ledger.claims.store import HoldRow
from hub.ledger.claims.stored import ClaimStore
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainUnavailable
from ledger.anchor.sender import Sender
from ledger.contract.calls import LockState
from ledger.registry.fingerprints import FINGERPRINT_BYTES, padded, padding

# Reserve, finance, and more rounds for a reservation that ran out in between, or others that were faster.
_MAX_STEPS = 8


class HoldChanged(Exception):
    """A hold is not wanted, or not being released, as it was when it was read; the message is tried again shortly."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """A lock in the way: the place of the fingerprint, the number of its hub, its owner commitment."""

    place: int
    owner: int
    owner_commitment: bytes


class Locker:
    """Locks and releases holds. Runs outside transactions, as often as it takes."""

    def __init__(
        self, contract: LedgerContract, sender: Sender, store: ClaimStore, batches: Batches, clock: Clock
    ) -> None:
        self._contract = contract
        self._sender = sender
        self._store = store
        self._batches = batches
        self._clock = clock

    async def hold(self, hold: HoldRow) -> bool:
        """Reserve and finance until the chain shows our final lock (True) or somebody else's (False).

        Raises `ChainUnavailable` when neither can be known now, `HoldChanged` when the hold is not wanted any more.
        """
        for _ in range(_MAX_STEPS):
            await self._settle(hold)
            next_one = await self._next_step(hold)
            if next_one.step in (ClaimStep.DONE, ClaimStep.REFUSED):
                return next_one.step is ClaimStep.DONE
            if await self._contract.paused():
                raise ChainUnavailable("the hubs of the chain have paused claims")
            prints = _prints(hold)
            await self._send(Deed(next_one.step.value), hold, [prints[at] for at in next_one.places])
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
        """Release our locks, if there are any. Raises `ChainUnavailable`, and `HoldChanged` when it is done already."""
        for _ in range(_MAX_STEPS):
            # A reservation that is still on its way must not come after the look.
            await self._settle(hold)
            await self._batches.check_free(_commitment(hold))
            held = await self._held(hold)
            if not held:
                return
            await self._send(Deed.RELEASE, hold, held)
        raise ChainUnavailable("the locks do not go")

    async def _next_step(self, hold: HoldRow) -> NextStep:
        step = await self._step_at(hold, "latest")
        # An answer counts once nothing undoes it any more: somebody else's lock might be ours in the end, or ours his.
        if step.step in (ClaimStep.DONE, ClaimStep.REFUSED):
            block = await self._sender.final_block()
            if block != "latest" and (await self._step_at(hold, block)).step is not step.step:
                raise ChainUnavailable("the lock is not final yet")
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

    async def _settle(self, hold: HoldRow) -> None:
        """Bring to its end what was sent for a hold before."""
        if hold.deed:
            await self._sender.settle(hold.deed)

    async def _send(self, deed: Deed, hold: HoldRow, prints: Sequence[bytes]) -> None:
        if await self._batches.run(deed, hold, prints, _commitment(hold)):
            return
        # Another process, or another claim on the same invoice, has sent for it.
        stored = await self._store.hold(hold.id)
        if (stored.salt, stored.state) != (hold.salt, hold.state):
            raise HoldChanged(f"hold {hold.id} changed meanwhile")
        hold.deed = stored.deed

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
