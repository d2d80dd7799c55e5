"""Having this hub's checkpoints cosigned by other hubs, and publishing them with what they say.

A checkpoint is published when enough witnesses cosigned it or the deadline has passed; lines that come later are
appended to it. Anchors take published checkpoints, so that a receipt normally has its cosignatures when it has its
anchor, while witnesses that are away delay nothing for longer than the deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors

from hub.ledger.log.store import CheckpointRow
from hub.ledger.log.stored import LogStore
from hub.ledger.ports import WitnessPeer
from hub.ledger.rules import LedgerMismatch
from hub.ledger.witnesses.stored import CosignatureStore, PublishedCheckpoint
from hub.platform.database import Database
from ledger.merkle.checkpoint import InvalidCheckpoint, LogKeys, verify_checkpoint
from ledger.merkle.cosignature import accept_line
from ledger.merkle.note import parse_note
from ledger.merkle.tiles import MissingTile
from ledger.merkle.tree import prove_consistency, rebuild_frontier
from ledger.verify.equivocation import check_equivocation

DEADLINE = timedelta(seconds=5)
POLL_SECONDS, RETRY_SECONDS = 0.5, 2.0

logger = logging.getLogger(__name__)


class Publication:
    """Which checkpoint the world sees, with which cosignatures."""

    def __init__(self, database: Database, clock: Clock, witnesses: Sequence[str] = (), at_least: int = 0) -> None:
        """Wait for `at_least` of the named witnesses, though for none longer than `DEADLINE`."""
        self._log = LogStore(database)
        self._cosignatures = CosignatureStore(database)
        self._clock = clock
        self._witnesses = tuple(witnesses)
        self._at_least = at_least

    async def newest(self) -> PublishedCheckpoint | None:
        """The newest checkpoint that is published, None while there is none."""
        row = await self._log.newest_checkpoint()
        if row is not None and self._at_least and self._clock.now() < row.signed_at + DEADLINE:
            size = await self._cosignatures.newest_with(self._at_least, self._witnesses)
            overdue = await self._log.newest_checkpoint_before(self._clock.now() - DEADLINE)
            size = max(size, overdue.size if overdue else 0)
            row = await self._log.checkpoint(size) if size else None
        return await self._cosignatures.published(row) if row else None

    async def of(self, size: int) -> PublishedCheckpoint | None:
        """The checkpoint of a size with the cosignatures that came so far."""
        row = await self._log.checkpoint(size)
        return await self._cosignatures.published(row) if row else None

    async def anchored_size(self, leaf_index: int) -> int:
        """The smallest anchored size that holds a leaf and is cosigned as verifiers demand; 0 if none, or none is."""
        if not self._at_least:
            return 0
        return await self._cosignatures.anchored_with(self._at_least, self._witnesses, leaf_index)


class Witnessing:
    """Submits the newest checkpoint to each witness, one task for each: a slow one holds up no other."""

    def __init__(
        self,
        database: Database,
        peers: Sequence[WitnessPeer],
        trust: Callable[[], TrustAnchors],
        keys: Callable[[], Awaitable[LogKeys]],
        cosigned: Callable[[], None] = lambda: None,
    ) -> None:
        """`keys` are those of this hub's own log; `cosigned` is called for each line that came."""
        self._log = LogStore(database)
        self._cosignatures = CosignatureStore(database)
        self._peers = tuple(peers)
        self._trust = trust
        self._keys = keys
        self._cosigned = cosigned
        self._known: dict[str, int] = {}
        self._grown = {peer.key.name: asyncio.Event() for peer in self._peers}

    def wake(self) -> None:
        """Say that there is a new checkpoint."""
        for event in self._grown.values():
            event.set()

    async def check_at_start(self) -> None:
        """Ask every witness what it saw. Raises `LedgerMismatch` when the log is behind that, or has another root
        there; a witness that is away is asked again with the next checkpoint.
        """
        await asyncio.gather(*(self._check(peer) for peer in self._peers))

    async def _check(self, peer: WitnessPeer) -> None:
        name = (await self._keys()).name
        try:
            note = await peer.witnessed(name)
        except HuilianError as error:
            logger.warning("ledger.witness_away", extra={"witness": peer.key.name, "code": error.code})
            return
        if note is not None:
            await self._compare(peer, note)

    async def _compare(self, peer: WitnessPeer, note: str) -> None:
        """Only our own signature makes a witness's word binding: nobody else can stop this hub."""
        try:
            seen = verify_checkpoint(note, await self._keys())
        except InvalidCheckpoint as error:
            logger.error("ledger.witness_wrong", extra={"witness": peer.key.name, "reason": str(error)})
            return
        present = (await self._log.frontier()).size
        if seen.size > present:
            raise LedgerMismatch(f"{peer.key.name} cosigned size {seen.size}, the log has only {present}: rolled back?")
        if await self._root(seen.size) != seen.root:
            raise LedgerMismatch(f"{peer.key.name} cosigned size {seen.size} with another root: a split view?")
        self._known[peer.key.name] = seen.size

    async def _root(self, size: int) -> bytes:
        try:
            return (await rebuild_frontier(self._log, size)).root()
        except MissingTile as error:
            raise LedgerMismatch(f"the log is damaged: {error}") from error

    async def run(self, stop: asyncio.Event) -> None:
        """Submit until `stop` is set. Ends with `LedgerMismatch` when a witness proves that the log is not this one."""
        async with asyncio.TaskGroup() as group:
            for peer in self._peers:
                group.create_task(self._follow(peer, stop))

    async def _follow(self, peer: WitnessPeer, stop: asyncio.Event) -> None:
        grown = self._grown[peer.key.name]
        while not stop.is_set():
            grown.clear()
            delay = 0.0
            try:
                await self.submit(peer)
            except LedgerMismatch:
                raise
            except Exception as error:  # noqa: BLE001
                # A witness or the database may be away for a moment; the log goes on without them.
                code = error.code if isinstance(error, HuilianError) else type(error).__name__
                logger.warning("ledger.witness_away", extra={"witness": peer.key.name, "code": code})
                delay = RETRY_SECONDS
            if delay:
                await _wait(stop, delay)
            else:
                # Other processes grow the log too, so look now and then without being told.
                await _wait(grown, POLL_SECONDS)

    async def submit(self, peer: WitnessPeer) -> bool:
        """Have the newest checkpoint cosigned; False when it was already, or there is none.

        Raises `LedgerMismatch`, HuilianError of the witness, `InvalidCheckpoint` for an answer that is no cosignature.
        """
        newest = await self._log.newest_checkpoint()
        if newest is None or peer.key.name in await self._cosignatures.of(newest.size):
            return False
        known = self._known.get(peer.key.name, 0)
        # Another process of this hub may have submitted a newer one since we looked.
        answer = await self._ask(peer, newest, min(known, newest.size))
        if answer is None:
            return False
        line = accept_line(_body(newest.note), answer, peer.key)
        await self._cosignatures.add(newest.size, peer.key.name, line)
        self._known[peer.key.name] = newest.size
        self._cosigned()
        return True

    async def _ask(self, peer: WitnessPeer, newest: CheckpointRow, known: int) -> str | None:
        """The witness's lines; a second time if it knows another size than we thought."""
        for _ in range(2):
            proof = await prove_consistency(self._log, known, newest.size) if known else []
            answer = await peer.add_checkpoint(known, proof, newest.note)
            if answer.equivocation:
                self._believe(peer, answer.equivocation)
            if answer.known_size is None:
                return answer.cosignatures
            self._known[peer.key.name] = known = answer.known_size
            if known > newest.size:
                await self._check(peer)
                return None
        return None

    def _believe(self, peer: WitnessPeer, proof: bytes) -> None:
        """Raise `LedgerMismatch` if our own signatures stand under both histories; a made-up proof is ignored."""
        if all(check.ok for check in check_equivocation(proof, self._trust())):
            raise LedgerMismatch(f"{peer.key.name} proves that this log showed two histories")
        raise HuilianError("PROVIDER_FAULT", "a proof of equivocation that proves nothing", provider=peer.key.name)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _body(note: str) -> str:
    return parse_note(note).body
