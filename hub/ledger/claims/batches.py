"""Claims that want the same done at the same moment go onto the chain in one transaction, each whole or not at all.

Which transaction a hold is in is stored together with the transaction itself, so a process that dies finds it again,
and nobody sends for a hold what another process of the hub is sending already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from huilian_protocol.clock import Clock

from hub.ledger.claims.rules import Deed, HoldState
from hub.ledger.claims.store import HoldRow
from hub.ledger.claims.stored import ClaimStore
from hub.platform.database import Database
from hub.platform.ids import random_id
from ledger.anchor.sender import Sender
from ledger.contract import calls

RESERVATION = timedelta(seconds=600)
_GAS_BASE, _GAS_PER_FINGERPRINT = 80_000, 90_000
# A batch leaves when nobody joined it for so long; a claim that comes alone waits no longer than this.
_QUIET_S = 0.005


@dataclass(frozen=True, slots=True)
class _Waiting:
    hold: HoldRow
    prints: Sequence[bytes]
    commitment: bytes
    sent: asyncio.Future[bool]


class Batches:
    """Gathers claims of one process and sends them."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        store: ClaimStore,
        clock: Clock,
        ids: Callable[[], str] = random_id,
    ) -> None:
        """`ids` gives each transaction a number that no other has."""
        self._ids = ids
        self._database = database
        self._sender = sender
        self._store = store
        self._clock = clock
        self._waiting: dict[Deed, list[_Waiting]] = {deed: [] for deed in Deed}
        self._tasks: set[asyncio.Task[None]] = set()

    async def check_free(self, commitment: bytes) -> None:
        """Raise when something may still come onto the chain for a hold that no transaction is known of."""

    async def run(self, deed: Deed, hold: HoldRow, prints: Sequence[bytes], commitment: bytes) -> bool:
        """Do it for one hold and wait until that is final; whether the contract did it is read from the locks.

        False when the hold has changed or is in another transaction: read it again. Raises as `Sender.execute`.
        """
        sent: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[deed].append(_Waiting(hold, prints, commitment, sent))
        if len(self._waiting[deed]) == 1:
            self._spawn(deed)
        return await sent

    def _spawn(self, deed: Deed) -> None:
        task = asyncio.create_task(self._gather(deed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gather(self, deed: Deed) -> None:
        waiting, seen = self._waiting[deed], 0
        while len(waiting) > seen:
            seen = len(waiting)
            await asyncio.sleep(_QUIET_S)
        self._waiting[deed] = []
        await asyncio.gather(*(self._send(deed, batch) for batch in _batches(waiting)))

    async def _send(self, deed: Deed, batch: Sequence[_Waiting]) -> None:
        try:
            marked = await self._prepare(deed, f"{deed}:{self._ids()}", batch)
            for one in batch:
                if one not in marked and not one.sent.done():
                    one.sent.set_result(False)
            if marked:
                await self._sender.settle(marked[0].hold.deed)
        except Exception as error:  # noqa: BLE001  whoever waits is told
            for one in batch:
                if not one.sent.done():
                    one.sent.set_exception(error)
        else:
            for one in marked:
                if not one.sent.done():
                    one.sent.set_result(True)

    async def _prepare(self, deed: Deed, purpose: str, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Store one transaction for those holds that nothing has happened to; which they are."""
        state = HoldState.RELEASING if deed is Deed.RELEASE else HoldState.WANTED
        async with self._database.transaction():
            await self._database.lock_all(("ledger", "hold", one.hold.id) for one in batch)
            marked = [one for one in batch if await self._store.enter(one.hold, state.value, purpose)]
            if marked:
                count = sum(len(one.prints) for one in marked)
                await self._sender.prepare(purpose, self._call(deed, marked), gas_limit(count))
        for one in marked:
            one.hold.deed = purpose
        return marked

    def _call(self, deed: Deed, batch: Sequence[_Waiting]) -> bytes:
        claims = [(one.prints, one.commitment) for one in batch]
        if deed is Deed.RESERVE:
            return calls.reserve_batch(claims, int((self._clock.now() + RESERVATION).timestamp()))
        return calls.finance_batch(claims) if deed is Deed.FINANCE else calls.release_batch(claims)


def gas_limit(fingerprints: int) -> int:
    """The most gas that a call with so many fingerprints may use."""
    return _GAS_BASE + _GAS_PER_FINGERPRINT * fingerprints


def _batches(waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """As many claims in each as one call of the contract carries."""
    batches: list[list[_Waiting]] = []
    room = 0
    for one in waiting:
        if len(one.prints) > room:
            batches.append([])
            room = calls.MAX_FINGERPRINTS
        batches[-1].append(one)
        room -= len(one.prints)
    return batches
