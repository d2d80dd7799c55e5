"""Anchoring: each size once, whatever breaks, and no start on a log that contradicts the chain."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import coincurve
import pytest
from huilian_protocol.clock import FixedClock

from hub.ledger.chain.anchoring import LedgerMismatch
from hub.ledger.chain.store import AnchorRow, TransactionRow
from hub.ledger.log.store import CheckpointRow, TileRow
from hub.platform.database import Database
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.sender import NonceTaken
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.ledger.ledger_support import (
    CHAIN_ID,
    HUB,
    HubLedger,
    LiveChain,
    fail_at,
    hub_ledger,
)

pytestmark = ON_SQLITE


async def _grow(hub: HubLedger, prefix: str, count: int = 2) -> None:
    for number in range(count):
        await hub.append(f"{prefix}-{number}")
    await hub.sequencer.integrate()


async def _restarted(hub: HubLedger, clock: FixedClock, chain: LiveChain) -> HubLedger:
    await hub.rpc.close()
    return hub_ledger(hub.database, clock, chain.url, chain.contract)


async def test_only_new_sizes_are_anchored(hub: HubLedger, chain: LiveChain) -> None:
    assert not await hub.anchoring.anchor()
    await _grow(hub, "a")
    assert await hub.anchoring.anchor()
    assert not await hub.anchoring.anchor()
    await _grow(hub, "b")
    assert await hub.anchoring.anchor()
    assert [row.size for row in await AnchorRow.all().order_by("size")] == [2, 4]
    assert chain.chain.head.number == 3 + 2


async def test_every_lost_request_or_answer_still_anchors_each_size_once(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    lost = 0
    for event in range(16):
        await _grow(hub, str(event), 1)
        chain.hook = fail_at(event)
        try:
            await hub.anchoring.anchor()
        except ChainUnavailable:
            lost += 1
        chain.hook = lambda _moment: None
        hub = await _restarted(hub, clock, chain)
        await hub.anchoring.anchor()
        assert await hub.ledger.receipt(f"{event}-0")
    await hub.rpc.close()
    assert lost >= 10
    blocks = [block.outcome for block in chain.chain.blocks[4:]]
    assert len(blocks) == 16
    assert all(outcome and not outcome.failure for outcome in blocks)


@ON_BOTH
async def test_a_broken_statement_never_sends_a_second_transaction(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    broken = 0
    for statement in range(12):
        await _grow(hub, str(statement), 1)
        numbers = itertools.count()

        def gate(_sql: str, numbers: Any = numbers, statement: int = statement) -> None:
            if next(numbers) == statement:
                raise ConnectionError("injected")

        hub.database.on_statement = gate
        try:
            await hub.anchoring.anchor()
        except ConnectionError:
            broken += 1
        hub.database.on_statement = None
        hub = await _restarted(hub, clock, chain)
        await hub.anchoring.anchor()
        assert await hub.ledger.receipt(f"{statement}-0")
    await hub.rpc.close()
    assert broken >= 6
    assert len(chain.chain.blocks[4:]) == await TransactionRow.all().count() == 12


@ON_BOTH
async def test_the_worker_anchors_by_itself_and_outlives_an_outage(hub: HubLedger, chain: LiveChain) -> None:
    stop = asyncio.Event()
    workers = asyncio.gather(hub.sequencer.run(stop), hub.anchoring.run(stop))
    chain.hook = fail_at(2)
    await hub.append("r")
    for _ in range(200):
        await asyncio.sleep(0.02)
        if await AnchorRow.all().count():
            break
    stop.set()
    await workers
    assert await hub.ledger.receipt("r")


@ON_BOTH
async def test_the_worker_outlives_a_database_that_is_away(hub: HubLedger, chain: LiveChain) -> None:
    await _grow(hub, "a", 2)
    stop = asyncio.Event()

    def away(_: str) -> None:
        raise OSError("connection lost")

    hub.database.on_statement = away
    worker = asyncio.create_task(hub.anchoring.run(stop))
    await asyncio.sleep(0.1)
    assert not worker.done()
    hub.database.on_statement = None
    for _ in range(200):
        await asyncio.sleep(0.05)
        if await AnchorRow.filter(size=2).exists():
            break
    stop.set()
    await worker
    assert await AnchorRow.filter(size=2).exists()


async def test_a_log_that_is_ahead_of_the_chain_is_well(hub: HubLedger, clock: FixedClock, chain: LiveChain) -> None:
    await _grow(hub, "a")
    await hub.anchoring.anchor()
    await _grow(hub, "b")
    restarted = await _restarted(hub, clock, chain)
    await restarted.anchoring.check()
    assert await restarted.anchoring.anchor()
    await restarted.rpc.close()


async def _anchor_by_hand(chain: LiveChain, root: bytes, size: int, key: coincurve.PrivateKey = HUB) -> None:
    nonce = chain.chain.machine.nonce(address_of(key))
    data = calls.anchor(root, size)
    chain.chain.submit(
        Transaction(CHAIN_ID, nonce, 10**9, 200_000, bytes.fromhex(chain.contract[2:]), 0, data).sign(key)
    )


async def test_a_rolled_back_log_refuses_to_start(hub: HubLedger, chain: LiveChain) -> None:
    await _grow(hub, "a")
    await _anchor_by_hand(chain, bytes([1]) * 32, 3)
    with pytest.raises(LedgerMismatch, match="rolled back"):
        await hub.anchoring.check()
    with pytest.raises(LedgerMismatch, match="rolled back"):
        await hub.anchoring.anchor()


async def test_a_start_without_the_chain_checks_once_it_is_back(hub: HubLedger, chain: LiveChain) -> None:
    await _grow(hub, "a")
    await _anchor_by_hand(chain, bytes([1]) * 32, 3)
    chain.hook = fail_at(0)
    await hub.anchoring.check_at_start()
    with pytest.raises(LedgerMismatch, match="rolled back"):
        await hub.anchoring.anchor()
    with pytest.raises(LedgerMismatch, match="rolled back"):
        await hub.anchoring.check_at_start()


async def test_another_root_on_the_chain_refuses_to_start(hub: HubLedger, chain: LiveChain) -> None:
    await _grow(hub, "a", 3)
    await _anchor_by_hand(chain, bytes([1]) * 32, 2)
    with pytest.raises(LedgerMismatch, match="another root"):
        await hub.anchoring.check()


@ON_BOTH
async def test_another_history_anchored_before_the_newest_anchor_refuses_to_start(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _grow(hub, "a", 2)
    await hub.anchoring.anchor()
    await _grow(hub, "b", 3)
    await _anchor_by_hand(chain, bytes([1]) * 32, 3)
    newest = await CheckpointRow.get(size=5)
    await _anchor_by_hand(chain, bytes(newest.root), 5)
    restarted = await _restarted(hub, clock, chain)
    with pytest.raises(LedgerMismatch, match="of size 3 with another root than the log: a split view"):
        await restarted.anchoring.check_at_start()
    await restarted.rpc.close()


async def test_a_signed_checkpoint_that_is_not_of_the_log_refuses_to_start(hub: HubLedger, clock: FixedClock) -> None:
    await _grow(hub, "a", 3)
    await CheckpointRow.filter(size=3).update(root=bytes(32))
    with pytest.raises(LedgerMismatch, match="a checkpoint was signed of size 3 with another root"):
        await hub.anchoring.check_at_start()
    await CheckpointRow.filter(size=3).delete()
    with pytest.raises(LedgerMismatch, match="no checkpoint"):
        await hub.anchoring.check_at_start()
    await CheckpointRow.create(size=4, root=bytes(32), note="", signed_at=clock.now())
    with pytest.raises(LedgerMismatch, match="a checkpoint was signed of size 4, the log only 3: rolled back"):
        await hub.anchoring.check_at_start()


async def test_a_chain_that_forgot_an_anchor_refuses_to_start(hub: HubLedger) -> None:
    await _grow(hub, "a", 3)
    await AnchorRow.create(size=3, purpose="anchor:3")
    with pytest.raises(LedgerMismatch, match="forgot"):
        await hub.anchoring.check()


async def test_a_damaged_log_refuses_to_start(hub: HubLedger) -> None:
    await _grow(hub, "a", 3)
    tile = await TileRow.get(id="0/0")
    tile.data = bytes(32) + bytes(tile.data)[32:]
    await tile.save()
    with pytest.raises(LedgerMismatch, match="tiles do not give"):
        await hub.anchoring.check()
    await tile.delete()
    with pytest.raises(LedgerMismatch, match="damaged"):
        await hub.anchoring.check()


async def test_the_wrong_chain_or_contract_is_refused(hub: HubLedger, chain: LiveChain) -> None:
    for chain_id, contract in ((CHAIN_ID + 1, chain.contract), (CHAIN_ID, "0x" + "12" * 20)):
        rpc = JsonRpc(chain.url)
        with pytest.raises(WrongChain):
            await LedgerContract(rpc, chain_id, contract).check_chain()
        await rpc.close()


async def test_a_nonce_used_elsewhere_is_reported_and_not_sent_over(hub: HubLedger, chain: LiveChain) -> None:
    await _grow(hub, "a", 1)
    await hub.anchoring.anchor()
    await _grow(hub, "b", 1)
    await _anchor_by_hand(chain, bytes([1]) * 32, 2)
    hub.anchoring._checked = True
    with pytest.raises(NonceTaken):
        await hub.anchoring.anchor()


async def test_a_hub_that_is_not_enrolled_finds_out(
    hub: HubLedger, database: Database, clock: FixedClock, chain: LiveChain
) -> None:
    stranger = coincurve.PrivateKey(b"\x09" * 32)
    chain.chain.machine.allocate(address_of(stranger), 10**20)
    outsider = hub_ledger(database, clock, chain.url, chain.contract, stranger)
    await _grow(outsider, "a")
    with pytest.raises(LedgerMismatch, match="enrolled"):
        await outsider.anchoring.anchor()
    await outsider.rpc.close()


@ON_BOTH
async def test_two_processes_of_one_hub_share_key_and_nonces(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    twin = hub_ledger(hub.database, clock, chain.url, chain.contract, holder="twin")
    for number in range(6):
        await hub.append(f"r{number}")
        await hub.sequencer.integrate()
        await asyncio.gather(hub.anchoring.anchor(), twin.anchoring.anchor())
    await twin.rpc.close()
    assert [row.size for row in await AnchorRow.all().order_by("size")] == [1, 2, 3, 4, 5, 6]
    nonces = [row.nonce for row in await TransactionRow.all().order_by("nonce")]
    assert nonces == list(range(6))
