"""Claims under cover: they wait for their place in the batch of a beat instead of going out when they are made.

See `rules` for what an observer of the chain sees. All that a beat does is prepared in one transaction of the
database, by whichever process of the hub comes first; a beat that was missed is not made up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import Clock

from hub.ledger.claims.batches import Batches, gas_limit
from hub.ledger.claims.rules import Deed, HoldState
from hub.ledger.claims.store import HoldRow
from hub.ledger.claims.stored import ClaimStore
from hub.ledger.cover.rules import CLAIM_PRINTS, MOST_CLAIMS, Beat, cover_claim, due, filled, shuffled
from hub.ledger.cover.store import CoverBatchRow, CoverPlaceRow
from hub.ledger.cover.stored import BatchState, CoverStore
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from ledger.anchor.contract import LedgerContract
from ledger.anchor.outbox import SettledTransaction
from ledger.anchor.sender import Sender
from ledger.contract import calls
from ledger.contract.calls import Claim, LockState
from ledger.registry.fingerprints import FINGERPRINT_BYTES

logger = logging.getLogger(__name__)

_SEED_BYTES = 32
# One finishes at each beat; the rest is for a hub that was away.
_PRUNED_AT_ONCE = 20
_NEXT = {BatchState.RESERVING.value: BatchState.RESERVED, BatchState.FINANCING.value: BatchState.FINANCED}


class LeftToBeat(Exception):
    """The claim has, or waits for, a place in a covered batch; who asked is told by the outbox when that is through."""


class CoveredBatches(Batches):
    """`Batches` of which everything that fits goes out under cover."""

    def __init__(
        self, database: Database, sender: Sender, store: ClaimStore, clock: Clock, *, covers: CoverStore
    ) -> None:
        """`covers` is where batches are kept."""
        super().__init__(database, sender, store, clock)
        self._covers = covers

    async def run(self, deed: Deed, hold: HoldRow, prints: Sequence[bytes], commitment: bytes) -> bool:
        """Raises `LeftToBeat`, except for what no covered batch carries: that goes out by itself."""
        if len(prints) <= CLAIM_PRINTS and await self._is_left(deed, hold, prints, commitment):
            raise LeftToBeat(f"{deed} of hold {hold.id}")
        return await super().run(deed, hold, prints, commitment)

    async def check_free(self, commitment: bytes) -> None:
        """A batch that failed is sent again as it is: raises `LeftToBeat` until it is through."""
        if any(map(_unfinished, await self._covers.batches_of(commitment.hex()))):
            raise LeftToBeat("the hold is in a batch that is not through")

    async def _is_left(self, deed: Deed, hold: HoldRow, prints: Sequence[bytes], commitment: bytes) -> bool:
        batches = await self._covers.batches_of(commitment.hex())
        if deed is Deed.RELEASE:
            return any(batch.next_release is not None or _unfinished(batch) for batch in batches)
        if any(map(_unfinished, batches)):
            return True
        if deed is Deed.FINANCE:
            return False
        joined = b"".join(filled(prints, commitment, bytes(hold.salt)))
        async with self._database.transaction():
            await self._covers.wait(commitment.hex(), hold.id, joined, self._clock.now())
        return True


class Covering:
    """Sends the batch of each beat, and tells the claims in it what became of them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        outbox: Outbox,
        contract: LedgerContract,
        sender: Sender,
        beat: Beat,
        topics: tuple[str, str],
    ) -> None:
        """`topics` are those of the messages that go on with a claim and with a release."""
        self._database, self._clock, self._random_bytes = database, clock, random_bytes
        self._outbox, self._contract, self._sender = outbox, contract, sender
        self._beat, (self._lock_topic, self._release_topic) = beat, topics
        self.store = CoverStore(database)

    async def run(self, stop: asyncio.Event) -> None:
        """Send at every beat until `stop`; one that fails is logged, and the next one goes on from there."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._beat.wait_s(self._clock.now()))
            if not stop.is_set():
                try:
                    await self.beat()
                except Exception as error:  # noqa: BLE001  the chain may be away for long
                    logger.error("claims.beat_failed", extra={"error_type": type(error).__name__})

    async def beat(self) -> None:
        """Do what this beat does, once for all processes. Raises as `Sender.settle` and `LedgerContract.locks` do."""
        await self.follow()
        number = self._beat.number(self._clock.now())
        ended = {batch.beat: await self._ended(batch) for batch in await self.store.due(number, MOST_CLAIMS)}
        async with self._database.transaction():
            await self.store.hold_beats()
            if not await self.store.sent(number):
                await self._prepare(number, ended)
        for batch in await self.store.under_way():
            await self._sender.settle(_deed_under_way(batch))
        await self.follow()
        await self.prune()

    async def prune(self) -> int:
        """Forget batches that finished long ago; how many, at most `_PRUNED_AT_ONCE`."""
        async with self._database.transaction():
            await self.store.hold_beats()
            old = await self.store.finished(self._beat.number(self._clock.now()) - self._beat.kept, _PRUNED_AT_ONCE)
            for batch in old:
                await self.store.forget(batch)
        return len(old)

    async def _prepare(self, number: int, ended: dict[int, int | None]) -> None:
        """Store all transactions of the beat, in the order of their nonces."""
        reserved = await self.store.oldest(BatchState.RESERVED)
        await self._reserve(number, await self.store.oldest(BatchState.AGAIN) or await self._new(number))
        if reserved is not None:
            await self._finance(number, reserved)
        batches = [batch for batch in await self.store.due(number, MOST_CLAIMS) if batch.beat in ended]
        if batches:
            await self._give_up(number, batches, ended)

    async def _new(self, number: int) -> CoverBatchRow:
        """A batch of this beat, with those who waited longest at places that only its seed tells."""
        seed = self._random_bytes(_SEED_BYTES)
        free = shuffled(seed, range(self._beat.claims), b"real")[: self._beat.room]
        for waiting in await self.store.waiting():
            if not free:
                break
            if await self.store.take_place(number, free[0], waiting):
                free.pop(0)
        return CoverBatchRow(beat=number, seed=seed, claims=self._beat.claims, state="", deed="")

    async def _reserve(self, number: int, batch: CoverBatchRow) -> None:
        expiry = int((self._clock.now() + timedelta(seconds=self._beat.reservation_s)).timestamp())
        call = calls.reserve_batch(await self._claims(batch), expiry)
        fresh = not batch.deed
        await self._send(Deed.RESERVE, number, batch, call, BatchState.RESERVING)
        batch.sent_beat = number
        await batch.save(force_create=fresh)

    async def _finance(self, number: int, batch: CoverBatchRow) -> None:
        call = calls.finance_batch(await self._claims(batch))
        await self._send(Deed.FINANCE, number, batch, call, BatchState.FINANCING)
        batch.next_release = due(number, 0)
        await batch.save()

    async def _send(self, deed: Deed, number: int, batch: CoverBatchRow, call: bytes, state: BatchState) -> None:
        purpose = f"{deed}:beat:{number}"
        await self._sender.prepare(purpose, call, gas_limit(batch.claims * CLAIM_PRINTS))
        await self.store.note_deed([row.owner_commitment for row in await self.store.places(batch.beat)], purpose)
        batch.state, batch.deed = state.value, purpose

    async def _give_up(self, number: int, batches: Sequence[CoverBatchRow], ended: dict[int, int | None]) -> None:
        """One claim of each batch: a real one that has ended, or else one of its cover."""
        purpose, claims = f"{Deed.RELEASE}:beat:{number}", []
        for batch in batches:
            place = ended[batch.beat]
            if place is None:
                place = await self._spend(batch)
            claims.append((await self._claims(batch))[place])
            batch.given_up += 1
            batch.release_deed, batch.next_release = purpose, due(batch.next_release or number, batch.given_up)
            await batch.save()
        call = calls.release_batch(claims)
        await self._sender.prepare(purpose, call, gas_limit(len(claims) * CLAIM_PRINTS))

    async def _spend(self, batch: CoverBatchRow) -> int:
        spent: list[int] = parse_json(batch.spent.encode())
        real = {row.place for row in await self.store.places(batch.beat)}
        free = set(range(batch.claims)) - real - set(spent)
        place = shuffled(bytes(batch.seed), free, b"given up")[0]
        batch.spent = json.dumps([*spent, place])
        return place

    async def _claims(self, batch: CoverBatchRow) -> list[Claim]:
        real = {row.place: _real(row) for row in await self.store.places(batch.beat)}
        return [real.get(place) or cover_claim(bytes(batch.seed), place) for place in range(batch.claims)]

    async def _ended(self, batch: CoverBatchRow) -> int | None:
        """The place of a real claim that is to be released and that the chain shows as ours."""
        hub = await self._contract.hub_number(self._sender.address)
        for row in await self.store.places(batch.beat):
            if await self.store.is_in(row.owner_commitment, HoldState.RELEASING):
                prints, commitment = _real(row)
                locks = await self._contract.locks(prints)
                held = [(lock.owner, lock.owner_commitment) == (hub, commitment) for lock in locks]
                if all(held) and all(lock.state is not LockState.RELEASED for lock in locks):
                    return row.place
        return None

    async def follow(self) -> None:
        """Take note of the transactions that came to their end."""
        for batch in await self.store.under_way():
            deed = _deed_under_way(batch)
            settled = await self._sender.settled(deed)
            if settled is not None:
                async with self._database.transaction():
                    await self.store.hold_beats()
                    await self._note(await CoverBatchRow.get(beat=batch.beat), deed, settled)

    async def _note(self, batch: CoverBatchRow, deed: str, settled: SettledTransaction) -> None:
        if deed == batch.release_deed:
            batch.release_deed = ""
        elif deed == batch.deed and batch.state in _NEXT:
            batch.state = (_NEXT[batch.state] if settled.succeeded else BatchState.AGAIN).value
            if batch.state == BatchState.AGAIN.value:
                batch.next_release = None
        await batch.save()
        await self.store.thin(deed)
        pending, releasing = await self.store.concerned(batch.beat)
        for claim_id in pending:
            await self._tell(self._lock_topic, f"{claim_id}:{deed}", {"claim_id": claim_id})
        for hold_id in releasing:
            await self._tell(self._release_topic, f"{hold_id}:{deed}", {"hold_id": hold_id})

    async def _tell(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        await self._outbox.put(topic, key, payload)


def _deed_under_way(batch: CoverBatchRow) -> str:
    return batch.deed if batch.state in _NEXT else batch.release_deed


def _unfinished(batch: CoverBatchRow) -> bool:
    return batch.state != BatchState.FINANCED.value


def _real(row: CoverPlaceRow) -> Claim:
    joined = bytes(row.prints)
    prints = [joined[at : at + FINGERPRINT_BYTES] for at in range(0, len(joined), FINGERPRINT_BYTES)]
    return prints, bytes.fromhex(row.owner_commitment)
