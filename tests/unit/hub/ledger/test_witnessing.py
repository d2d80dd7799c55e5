"""The watched side: checkpoints are cosigned and published, and a hub that a witness convicts does not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.ledger.chain.anchoring import Anchoring, LedgerMismatch
from hub.ledger.fsck import describe, fsck
from hub.ledger.log.store import CheckpointRow
from hub.ledger.service import LedgerService
from hub.ledger.witnesses.publishing import DEADLINE, Publication, Witnessing
from hub.ledger.witnesses.store import CosignatureRow
from hub.ledger.witnesses.stored import CosignatureStore
from hub.platform.database import Database
from ledger.anchor.transaction import address_of
from ledger.merkle.checkpoint import LogKeys, verify_checkpoint
from ledger.merkle.cosignature import WitnessPolicy, check_cosignatures
from tests.support.databases import ON_BOTH, ON_SQLITE, DatabaseMaker
from tests.unit.hub.ledger.ledger_support import HUB, HubLedger, LiveChain, hub_ledger
from tests.unit.hub.ledger.witness_support import SIGNER, WITNESS, LocalPeer, inside, trust

pytestmark = ON_SQLITE

POLICY = WitnessPolicy(1, (WITNESS.key,))


async def _own_keys() -> LogKeys:
    return SIGNER.keys


class Watched:
    """Hub A, its witness, and what it publishes."""

    def __init__(self, hub: HubLedger, peer: LocalPeer, clock: FixedClock) -> None:
        self.hub, self.peer, self.clock = hub, peer, clock
        self.publication = Publication(hub.database, clock, [peer.key.name], 1)
        self.witnessing = Witnessing(hub.database, [peer], trust, _own_keys, hub.sequencer.grown.set)

    def anchoring(self) -> Anchoring:
        """Anchors what is published."""
        hub = self.hub
        contract = hub.anchoring._contract
        return Anchoring(hub.database, contract, hub.sender, hub.sequencer.grown, 0.01, self.publication)

    async def grow(self, *ids: str) -> None:
        for record_id in ids:
            await self.hub.append(record_id)
        await self.hub.sequencer.integrate()

    async def published_size(self) -> int:
        newest = await self.publication.newest()
        return newest.size if newest else 0


@pytest_asyncio.fixture
async def watched(database_maker: DatabaseMaker, clock: FixedClock, chain: LiveChain) -> AsyncIterator[Watched]:
    async with _opened(database_maker) as mine, _opened(database_maker) as other:
        hub = hub_ledger(mine, clock, chain.url, chain.contract, signer=SIGNER)
        with inside(mine):
            yield Watched(hub, LocalPeer(other, clock), clock)
        await hub.rpc.close()


@asynccontextmanager
async def _opened(maker: DatabaseMaker) -> AsyncIterator[Database]:
    database = Database(await maker.new_url())
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def test_a_checkpoint_is_published_when_it_is_cosigned(watched: Watched) -> None:
    await watched.grow("one", "two")
    assert await watched.published_size() == 0
    assert await watched.witnessing.submit(watched.peer)
    newest = await watched.publication.newest()
    assert newest is not None and newest.size == 2
    assert verify_checkpoint(newest.note, SIGNER.keys).root == newest.root
    assert [found.witness for found in check_cosignatures(newest.note, POLICY)] == [WITNESS.key.name]
    assert not await watched.witnessing.submit(watched.peer)
    await watched.grow("three")
    assert await watched.published_size() == 2
    await watched.witnessing.submit(watched.peer)
    assert await watched.published_size() == 3


async def test_a_witness_that_is_away_delays_no_longer_than_the_deadline(watched: Watched) -> None:
    watched.peer.away = True
    await watched.grow("one")
    with pytest.raises(HuilianError):
        await watched.witnessing.submit(watched.peer)
    assert await watched.published_size() == 0
    watched.clock.advance(DEADLINE)
    assert await watched.published_size() == 1
    watched.peer.away = False
    await watched.witnessing.submit(watched.peer)
    late = await watched.publication.of(1)
    assert late is not None and check_cosignatures(late.note, POLICY)


@ON_BOTH
async def test_a_lost_answer_is_asked_for_again(watched: Watched) -> None:
    await watched.grow("one")
    watched.peer.lose_answer = True
    with pytest.raises(HuilianError):
        await watched.witnessing.submit(watched.peer)
    await watched.grow("two")
    assert await watched.witnessing.submit(watched.peer)
    assert await watched.published_size() == 2


@ON_BOTH
async def test_every_line_that_the_witness_gives_is_checked(watched: Watched) -> None:
    await watched.grow("one")
    watched.peer.key = SIGNER.verifier
    with pytest.raises(Exception, match="no cosignature"):
        await watched.witnessing.submit(watched.peer)
    assert await CosignatureRow.all().count() == 0


async def test_receipts_carry_the_cosignatures_of_what_was_anchored(watched: Watched, chain: LiveChain) -> None:
    hub = watched.hub
    anchoring = Anchoring(
        hub.database, hub.anchoring._contract, hub.sender, hub.sequencer.grown, 0.01, watched.publication
    )
    await watched.grow("one")
    assert not await anchoring.anchor()
    await watched.witnessing.submit(watched.peer)
    assert await anchoring.anchor()
    ledger: LedgerService = hub.ledger
    ledger._publication = watched.publication
    receipt = await ledger.receipt("one")
    assert WITNESS.key.name.encode() in receipt
    assert WITNESS.key.name in await ledger.checkpoint()


@ON_BOTH
async def test_a_receipt_prefers_an_anchor_that_witnesses_cosigned(watched: Watched) -> None:
    hub = watched.hub
    anchoring = Anchoring(
        hub.database, hub.anchoring._contract, hub.sender, hub.sequencer.grown, 0.01, watched.publication
    )
    hub.ledger._publication = watched.publication
    await watched.grow("one")
    watched.clock.advance(DEADLINE)
    assert await anchoring.anchor()
    assert WITNESS.key.name.encode() not in await hub.ledger.receipt("one")
    await watched.grow("two")
    await watched.witnessing.submit(watched.peer)
    assert await anchoring.anchor()
    assert WITNESS.key.name.encode() in await hub.ledger.receipt("one")


async def test_at_the_start_a_hub_behind_its_witness_must_not_run(
    watched: Watched, database_maker: DatabaseMaker, chain: LiveChain
) -> None:
    await watched.grow("one", "two")
    await watched.witnessing.submit(watched.peer)
    await watched.witnessing.check_at_start()
    async with _opened(database_maker) as database:
        restored = hub_ledger(database, watched.clock, chain.url, chain.contract, signer=SIGNER)
        again = Watched(restored, watched.peer, watched.clock)
        await again.grow("one")
        with pytest.raises(LedgerMismatch, match="cosigned size 2, the log has only 1: rolled back"):
            await again.witnessing.check_at_start()
        with pytest.raises(LedgerMismatch, match="rolled back"):
            await again.witnessing.submit(watched.peer)
        await again.grow("another")
        with pytest.raises(LedgerMismatch, match="with another root: a split view"):
            await again.witnessing.check_at_start()
        with pytest.raises(LedgerMismatch, match="showed two histories"):
            await again.witnessing.submit(watched.peer)
        watched.peer.away = True
        await again.witnessing.check_at_start()
        await restored.rpc.close()


async def test_a_witness_cannot_stop_a_hub_by_words_of_its_own(watched: Watched) -> None:
    await watched.grow("one")
    await watched.witnessing.submit(watched.peer)

    async def made_up(_log_name: str) -> str | None:
        return SIGNER.sign(9, bytes(32)).replace("\n9\n", "\n8\n")

    watched.peer.witnessed = made_up  # type: ignore[method-assign]
    await watched.witnessing.check_at_start()


async def test_the_worker_follows_the_log_and_survives_outages(watched: Watched) -> None:
    watched.hub.sequencer.listeners.append(watched.witnessing.wake)
    stop = asyncio.Event()
    worker = asyncio.create_task(watched.witnessing.run(stop))
    await watched.grow("one")
    async with asyncio.timeout(10):
        while await watched.published_size() != 1:
            watched.hub.sequencer.grown.clear()
            await watched.hub.sequencer.grown.wait()
    stop.set()
    watched.witnessing.wake()
    await worker


async def _report(watched: Watched) -> list[str]:
    hub = watched.hub
    report = await fsck(hub.database, hub.cipher, SIGNER.keys, None, address_of(HUB), [watched.peer])
    assert (report.clean, report.cosignatures, report.witnesses) == (not report.findings, 1, 1)
    return describe(report).splitlines()[:-1]


@ON_BOTH
async def test_fsck_compares_cosignatures_and_what_witnesses_saw(watched: Watched) -> None:
    await watched.grow("one", "two")
    await watched.witnessing.submit(watched.peer)
    assert await _report(watched) == []
    [row] = await CosignatureRow.all()
    damaged = row.line.replace("A", "B", 1)
    await CosignatureRow.filter(id=row.id).update(line=damaged)
    [line] = await _report(watched)
    assert line.startswith("ledger_cosignature hub-b.example/witness index 2: the line: expected one signed by")
    await CosignatureRow.filter(id=row.id).update(line=row.line)
    [checkpoint] = await CheckpointRow.all()
    await CheckpointRow.filter(size=2).delete()
    lines = await _report(watched)
    assert any("its checkpoint: expected a row of this size" in line for line in lines)
    await checkpoint.save(force_create=True)


@ON_BOTH
async def test_fsck_says_when_a_witness_saw_more_or_something_else(
    watched: Watched, database_maker: DatabaseMaker, chain: LiveChain
) -> None:
    await watched.grow("one", "two")
    await watched.witnessing.submit(watched.peer)
    async with _opened(database_maker) as database:
        hub = hub_ledger(database, watched.clock, chain.url, chain.contract, signer=SIGNER)
        other = Watched(hub, watched.peer, watched.clock)
        await other.grow("only")
        await CosignatureStore(database).add(1, "gone/witness", "pinned no more")
        [line] = await _report(other)
        assert line.startswith("witness hub-b.example/witness index 2: saw more than the log has: rolled back?: ")
        await other.grow("another")
        [line] = await _report(other)
        assert line.startswith("witness hub-b.example/witness index 2: saw another root: a split view: expected ")
        await hub.rpc.close()


def test_the_deadline_is_short() -> None:
    assert timedelta(0) < DEADLINE <= timedelta(seconds=10)
