"""The sequencer: gives committed records their places in the log and signs the log's new state.

Each step is one transaction: places, tiles, head and checkpoint appear together or not at all. Several hub processes
may run it; on PostgreSQL a lock lets one at a time in, and the head is replaced only if it is still the one read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from huilian_protocol.clock import Clock

from hub.ledger.log.keyring import LogKeyring
from hub.ledger.log.stored import EpochStore, LogStore, LostRace
from hub.platform.database import Database
from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tree import append_leaves

BATCH = 1_000
POLL_SECONDS = 0.5
GATHER_S, LONGEST_GATHER_S = 0.2, 3.0
GATHER_PER_RECORD_S = 0.025
"""Between two batches, for each record that came last time: a batch costs two transactions, a signature and an anchor
with some eight transactions more, whatever its size, and under load whoever writes waits behind them."""

logger = logging.getLogger(__name__)


class Sequencer:
    """Integrates pending leaves. `grown` is set, and `listeners` are called, whenever there is a new checkpoint."""

    def __init__(self, database: Database, clock: Clock, signer: LogSigner | LogKeyring) -> None:
        self._database = database
        self._clock = clock
        self._keyring = LogKeyring.of(signer) if isinstance(signer, LogSigner) else signer
        self._epochs = EpochStore(database)
        self.listeners: list[Callable[[], None]] = []
        self._store = LogStore(database)
        self._wake = asyncio.Event()
        self.grown = asyncio.Event()

    def wake(self) -> None:
        """Say that there is a new leaf; call after its transaction is durable."""
        self._wake.set()

    async def integrate(self) -> int:
        """Integrate one batch; return how many leaves got a place.

        Raises `LostRace` if another process was faster, `KeyRetired` while this one has only a retired key.
        """
        if not await self._store.pending(1):
            return 0
        async with self._database.transaction():
            await self._store.lock()
            leaves = await self._store.pending(BATCH)
            if leaves:
                frontier = await self._store.frontier()
                first = frontier.size
                await self._store.place(leaves, first)
                await append_leaves(self._store, frontier, [leaf_hash(leaf.commitment) for leaf in leaves])
                await self._store.advance(first, frontier)
                signer = self._keyring.current(await self._epochs.first_sizes())
                note = signer.sign(frontier.size, frontier.root())
                await self._store.add_checkpoint(frontier.size, frontier.root(), note, self._clock.now())
        self.grown.set()
        for listener in self.listeners:
            listener()
        return len(leaves)

    async def run(self, stop: asyncio.Event) -> None:
        """Integrate until `stop` is set."""
        while not stop.is_set():
            self._wake.clear()
            placed = await self._step()
            if not placed:
                await _wait_for_either(self._wake, stop)
            else:
                await _wait(stop, pause_s(placed))

    async def _step(self) -> int:
        try:
            return await self.integrate()
        except LostRace:
            return BATCH
        except Exception as error:
            # The database may be away for a moment; a dead sequencer would leave every receipt pending for ever.
            logger.exception("ledger.sequencer_failed", extra={"error_type": type(error).__name__})
            return 0


def pause_s(placed: int) -> float:
    """How long the next batch gathers, in seconds, after one of so many records."""
    if placed >= BATCH:
        return 0.0
    return min(max(GATHER_S, placed * GATHER_PER_RECORD_S), LONGEST_GATHER_S)


async def _wait_for_either(wake: asyncio.Event, stop: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(event.wait()) for event in (wake, stop)]
    await asyncio.wait(tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
