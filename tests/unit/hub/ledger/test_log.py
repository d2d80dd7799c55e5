"""Records into the log: in the caller's transaction, placed once, provable, and readable by whom they are about."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import parse_receipt
from huilian_protocol.record import commit_record

from hub.ledger.log.sequencer import pause_s
from hub.ledger.log.store import LeafRow
from hub.ledger.log.stored import LogStore
from hub.platform.transactions import TransactionMisuse
from ledger.merkle.checkpoint import LogSigner, verify_checkpoint
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import verify_consistency, verify_inclusion
from ledger.merkle.tree import rebuild_frontier
from tests.support.databases import ON_BOTH, ON_SQLITE, DatabaseMaker
from tests.unit.hub.ledger.ledger_support import HubLedger, LiveChain, hub_ledger

pytestmark = ON_SQLITE

VERIFIER = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier


async def _placed() -> dict[str, int]:
    return {row.record_id: row.leaf_index for row in await LeafRow.all() if row.leaf_index is not None}


async def test_a_record_gets_a_place_a_checkpoint_and_a_proof(hub: HubLedger) -> None:
    for number in range(5):
        await hub.append(f"r{number}")
    assert await hub.sequencer.integrate() == 5
    first = verify_checkpoint(await hub.ledger.checkpoint(), VERIFIER)
    for number in range(5, 8):
        await hub.append(f"r{number}")
    assert await hub.sequencer.integrate() == 3
    second = verify_checkpoint(await hub.ledger.checkpoint(), VERIFIER)
    assert (first.size, second.size) == (5, 8)
    proof = await hub.ledger.consistency_proof(5, 8)
    verify_consistency(5, 8, proof, first.root, second.root)
    for row in await LeafRow.all():
        assert row.leaf_index is not None
        proof = await hub.ledger.inclusion_proof(row.leaf_index, 8)
        verify_inclusion(leaf_hash(bytes(row.commitment)), row.leaf_index, 8, proof, second.root)
    assert await _placed() == {f"r{number}": number for number in range(8)}
    assert await hub.sequencer.integrate() == 0


async def test_a_record_lives_and_dies_with_the_callers_transaction(hub: HubLedger) -> None:
    with pytest.raises(TransactionMisuse):
        await hub.ledger.append("test", "r", {}, subject=None, evidence={})
    with pytest.raises(ZeroDivisionError):
        async with hub.database.transaction():
            await hub.ledger.append("test", "r", {}, subject=None, evidence={})
            raise ZeroDivisionError
    assert await LeafRow.all().count() == 0


async def test_a_record_id_is_used_once(hub: HubLedger) -> None:
    await hub.append("r")
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await hub.append("r")
    assert await LeafRow.all().count() == 1


def _break_at(statement: int) -> Callable[[str], None]:
    """A listener that lets so many statements through and no more."""
    numbers = itertools.count()

    def listener(_sql: str) -> None:
        if next(numbers) >= statement:
            raise ConnectionError("injected")

    return listener


@ON_BOTH
async def test_integration_that_breaks_anywhere_leaves_a_whole_log(hub: HubLedger) -> None:
    broken = 0
    for number in range(40):
        await hub.append(f"r{number}")
        hub.database.on_statement = _break_at(number)
        try:
            await hub.sequencer.integrate()
        except ConnectionError:
            broken += 1
        hub.database.on_statement = None
    await hub.sequencer.integrate()
    assert broken >= 8
    frontier = await LogStore(hub.database).frontier()
    assert frontier.size == 40
    assert (await rebuild_frontier(LogStore(hub.database), 40)).root() == frontier.root()
    assert sorted((await _placed()).values()) == list(range(40))


@ON_BOTH
async def test_two_processes_place_every_record_once(
    hub: HubLedger, database_maker: DatabaseMaker, clock: FixedClock, chain: LiveChain
) -> None:
    others = [hub]
    if database_maker.dialect == "postgres":
        others.append(hub_ledger(hub.database, clock, chain.url, chain.contract))

    async def append(number: int) -> None:
        await others[number % len(others)].append(f"r{number}")

    async def integrate(process: HubLedger) -> None:
        for _ in range(20):
            await process.sequencer._step()

    await asyncio.gather(*(append(number) for number in range(60)), *(integrate(process) for process in others))
    await hub.sequencer.integrate()
    assert sorted((await _placed()).values()) == list(range(60))
    frontier = await LogStore(hub.database).frontier()
    assert (await rebuild_frontier(LogStore(hub.database), 60)).root() == frontier.root()


async def test_receipts_wait_for_the_anchor_and_then_hold(hub: HubLedger) -> None:
    for number in range(3):
        await hub.append(f"r{number}")
        with pytest.raises(HuilianError, match="RECEIPT_PENDING"):
            await hub.ledger.receipt(f"r{number}")
    await hub.sequencer.integrate()
    with pytest.raises(HuilianError, match="RECEIPT_PENDING"):
        await hub.ledger.receipt("r1")
    assert await hub.anchoring.anchor()
    receipt = parse_receipt(await hub.ledger.receipt("r1"))
    assert receipt.record["content"] == {"value": "r1"}
    leaf = leaf_hash(commit_record(receipt.record, receipt.salt))
    verify_inclusion(leaf, receipt.leaf_index, receipt.tree_size, receipt.inclusion_proof, receipt.anchor.root)
    assert verify_checkpoint(receipt.checkpoint, VERIFIER).root == receipt.anchor.root


async def test_a_record_about_a_person_is_for_that_person_only(hub: HubLedger) -> None:
    await hub.append("private", subject="wh-1")
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()
    (row,) = await LeafRow.all()
    assert b"private" not in bytes(row.body)
    for reader in (None, "wh-2"):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await hub.ledger.receipt("private", reader)
    assert parse_receipt(await hub.ledger.receipt("private", "wh-1")).record["id"] == "private"
    hub.cipher.destroyed.add("wh-1")
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await hub.ledger.receipt("private", "wh-1")


@pytest.mark.parametrize(
    ("content", "parties"),
    [
        ({"parties": ["B", "S"], "note": "X"}, ["B", "S"]),
        ({"buyer_uscc": "B", "note": "X"}, []),
        ({"parties": [], "buyer_uscc": "B"}, []),
    ],
)
async def test_a_trades_record_is_for_its_parties_and_the_bank(
    hub: HubLedger, content: dict[str, Any], parties: list[str]
) -> None:
    async with hub.database.transaction():
        await hub.ledger.append("trade", "trade-1", content, subject=None, evidence={})
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()
    for reader in (*parties, None):
        assert await hub.ledger.receipt("trade-1", reader)
    for reader in {"B", "S", "X", "5", ""} - set(parties):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await hub.ledger.receipt("trade-1", reader)


async def test_what_is_not_there_has_a_code(hub: HubLedger) -> None:
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await hub.ledger.receipt("nothing")
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await hub.ledger.checkpoint()
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await hub.ledger.inclusion_proof(0, 1)
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await hub.ledger.consistency_proof(1, 1)


@pytest.mark.parametrize(("placed", "expected_s"), [(1, 0.2), (40, 1.0), (120, 3.0), (999, 3.0), (1_000, 0.0)])
def test_a_batch_waits_for_more_where_many_come_and_not_where_it_was_full(placed: int, expected_s: float) -> None:
    assert pause_s(placed) == expected_s
