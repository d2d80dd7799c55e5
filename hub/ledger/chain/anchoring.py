"""Anchoring: the newest checkpoint goes onto the chain, and a log that disagrees with the chain does not start.

Roots are cumulative, so an anchor that was missed is covered by the next one.
"""

from __future__ import annotations

import asyncio
import logging

from huilian_protocol.clock import SystemClock

from hub.ledger.chain.stored import ChainStore
from hub.ledger.log.stored import LogStore
from hub.ledger.rules import LedgerMismatch as LedgerMismatch
from hub.ledger.witnesses.publishing import Publication
from hub.platform.database import Database
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, WrongChain
from ledger.anchor.sender import NonceTaken, Sender
from ledger.contract import calls
from ledger.merkle.tiles import MissingTile
from ledger.merkle.tree import rebuild_frontier

ANCHOR_GAS_LIMIT = 150_000
RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Anchoring:
    """Keeps the chain up to date with the log of this hub."""

    def __init__(
        self,
        database: Database,
        contract: LedgerContract,
        sender: Sender,
        grown: asyncio.Event,
        interval_s: float = 0.2,
        publication: Publication | None = None,
    ) -> None:
        """Anchor what is published, when `grown` is set and at most once in `interval_s`."""
        self._publication = publication or Publication(database, SystemClock())
        self._log = LogStore(database)
        self._chain = ChainStore(database)
        self._contract = contract
        self._sender = sender
        self._grown = grown
        self._interval_s = interval_s
        self._checked = False

    async def check(self) -> None:
        """Compare tiles, head and chain. Raises `LedgerMismatch`, `WrongChain`, or `ChainUnavailable`.

        A log that is ahead of the chain is well (the next anchor covers the lag); one that is behind was rolled back.
        """
        frontier = await self._log.frontier()
        if await self._root(frontier.size) != frontier.root():
            raise LedgerMismatch(f"the tiles do not give the root of the log of size {frontier.size}")
        await self._check_signed(frontier.size)
        await self._contract.check_chain()
        hub = await self._contract.hub_number(self._sender.address)
        root, size = await self._contract.newest_anchor(hub)
        await self._compare("the chain has an anchor", size, root)
        if size < await self._chain.newest_anchored_size():
            raise LedgerMismatch(f"the chain knows this log only up to size {size}: it forgot an anchor")
        # The newest anchor hides those before it: another history may have been anchored in between.
        for event in await self._contract.anchored(hub, await self._chain.newest_anchored_block()):
            await self._compare(f"transaction {event.transaction_hash} anchored a log", event.size, event.root)
        self._checked = True

    async def _check_signed(self, size: int) -> None:
        """Compare the newest checkpoint that was signed: what was published must be this log."""
        newest = await self._log.newest_checkpoint()
        if newest is not None:
            await self._compare("a checkpoint was signed", newest.size, bytes(newest.root))
        if size and (newest is None or newest.size < size):
            raise LedgerMismatch(f"the log has size {size} and no checkpoint of it")

    async def _compare(self, what: str, size: int, root: bytes) -> None:
        """Raise `LedgerMismatch` unless the present log has a tree of this size and root."""
        present = (await self._log.frontier()).size
        if size > present:
            raise LedgerMismatch(f"{what} of size {size}, the log only {present}: rolled back?")
        if size and await self._root(size) != root:
            raise LedgerMismatch(f"{what} of size {size} with another root than the log: a split view?")

    async def check_at_start(self) -> None:
        """`check`, except that an absent chain does not keep the hub from starting: it is compared once it is back.

        Raises `LedgerMismatch` or `WrongChain`.
        """
        try:
            await self.check()
        except (ChainUnavailable, ChainRefused) as error:
            logger.warning("ledger.chain_away", extra={"error_type": type(error).__name__})

    async def _root(self, size: int) -> bytes:
        try:
            return (await rebuild_frontier(self._log, size)).root()
        except MissingTile as error:
            raise LedgerMismatch(f"the log is damaged: {error}") from error

    async def anchor(self) -> bool:
        """Anchor the newest checkpoint; False when the chain has it already. Raises as `check` and the sender do."""
        if not self._checked:
            await self.check()
            await self._sender.resume()
        newest = await self._publication.newest()
        if newest is None or newest.size <= await self._chain.newest_anchored_size():
            return False
        purpose = f"anchor:{newest.size}"
        call = calls.anchor(bytes(newest.root), newest.size)
        settled = await self._sender.execute(purpose, call, ANCHOR_GAS_LIMIT)
        if settled.succeeded:
            await self._chain.add_anchor(newest.size, purpose)
            return True
        await self._explain_refusal(newest.size)
        return False

    async def _explain_refusal(self, size: int) -> None:
        """The contract refuses a size that is not greater: fine if another of our processes was faster."""
        hub = await self._contract.hub_number(self._sender.address)
        _, anchored = await self._contract.newest_anchor(hub)
        if anchored < size:
            raise LedgerMismatch(f"the contract refused the anchor of size {size}: is this hub enrolled?")

    async def run(self, stop: asyncio.Event) -> None:
        """Anchor until `stop` is set.

        Ends with `LedgerMismatch`, `WrongChain` or `NonceTaken` when log and chain disagree: then the hub must not run.
        """
        while not stop.is_set():
            self._grown.clear()
            delay = self._interval_s
            try:
                await self.anchor()
            except (ChainUnavailable, ChainRefused) as error:
                # Logging goes on without the chain; receipts stay pending.
                logger.warning("ledger.chain_away", extra={"error_type": type(error).__name__})
                delay = RETRY_SECONDS
            except (LedgerMismatch, WrongChain, NonceTaken):
                raise
            except Exception as error:  # noqa: BLE001  the database may be away for a moment: no reason to stop the hub
                logger.error("ledger.anchoring_failed", extra={"error_type": type(error).__name__})
                delay = RETRY_SECONDS
            await _sleep(stop, delay)
            if not stop.is_set() and delay == self._interval_s:
                await _wait(self._grown)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _wait(grown: asyncio.Event) -> None:
    # Other processes grow the log too, so look now and then without being told.
    try:
        await asyncio.wait_for(grown.wait(), 1.0)
    except TimeoutError:
        return
