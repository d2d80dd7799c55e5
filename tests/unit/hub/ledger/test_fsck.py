"""fsck: clean on a whole log, and each broken thing is named with its row and index."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.ledger.chain.store import AnchorRow, TransactionRow
from hub.ledger.fsck import describe, fsck
from hub.ledger.log.store import CheckpointRow, HeadRow, LeafRow, TileRow
from ledger.anchor.contract import LedgerContract
from ledger.anchor.rpc import WrongChain
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from ledger.fsck import Report
from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.hashing import leaf_hash
from tests.unit.hub.ledger.ledger_support import CHAIN_ID, HUB, HubLedger, LiveChain
from tests.unit.hub.ledger.test_log import VERIFIER

Breaking = Callable[[HubLedger, LiveChain], Awaitable[None]]


async def _grow(hub: HubLedger, prefix: str, count: int, subject: str | None = None) -> None:
    async with hub.database.transaction():
        for number in range(count):
            content = {"value": number}
            await hub.ledger.append("test", f"{prefix}-{number}", content, subject=subject, evidence={"e": "1"})
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()


async def _fsck(hub: HubLedger, chain: LiveChain, chain_id: int = CHAIN_ID) -> Report:
    contract = LedgerContract(hub.rpc, chain_id, chain.contract)
    return await fsck(hub.database, hub.cipher, VERIFIER, contract, address_of(HUB))


async def _three_sizes(hub: HubLedger) -> None:
    await _grow(hub, "a", 2)
    await _grow(hub, "b", 1, subject="wh-1")
    await _grow(hub, "c", 257)


def _anchor(chain: LiveChain, root: bytes, size: int) -> None:
    nonce = chain.chain.machine.nonce(address_of(HUB))
    to = bytes.fromhex(chain.contract[2:])
    chain.chain.submit(Transaction(CHAIN_ID, nonce, 10**9, 200_000, to, 0, calls.anchor(root, size)).sign(HUB))


async def _flip_commitment(_hub: HubLedger, _chain: LiveChain) -> None:
    await LeafRow.filter(leaf_index=7).update(commitment=bytes(32))


async def _lose_leaf(_hub: HubLedger, _chain: LiveChain) -> None:
    await LeafRow.filter(leaf_index=7).delete()


async def _change_body(_hub: HubLedger, _chain: LiveChain) -> None:
    other = await LeafRow.get(leaf_index=1)
    await LeafRow.filter(leaf_index=7).update(body=other.body)


async def _change_sealed_body(hub: HubLedger, _chain: LiveChain) -> None:
    plain = bytes((await LeafRow.get(leaf_index=1)).body)
    await LeafRow.filter(leaf_index=2).update(body=await hub.cipher.encrypt_for_subject("wh-1", plain))


async def _place_beyond(_hub: HubLedger, _chain: LiveChain) -> None:
    await LeafRow.filter(leaf_index=259).update(leaf_index=900)


async def _flip_tile(_hub: HubLedger, _chain: LiveChain) -> None:
    tile = await TileRow.get(id="0/0")
    await TileRow.filter(id="0/0").update(data=bytes(tile.data[:96]) + bytes(32) + bytes(tile.data[128:]))


async def _flip_upper_tile(_hub: HubLedger, _chain: LiveChain) -> None:
    await TileRow.filter(id="1/0").update(data=bytes(32))


async def _lose_tile(_hub: HubLedger, _chain: LiveChain) -> None:
    await TileRow.filter(id="0/1").delete()


async def _widen_tile(_hub: HubLedger, _chain: LiveChain) -> None:
    tile = await TileRow.get(id="0/1")
    await TileRow.filter(id="0/1").update(data=bytes(tile.data) + bytes(32))


async def _add_tile(_hub: HubLedger, _chain: LiveChain) -> None:
    await TileRow.create(id="0/5", data=bytes(32))


async def _change_head_root(_hub: HubLedger, _chain: LiveChain) -> None:
    await HeadRow.filter(id=1).update(root=bytes(32))


async def _change_frontier(_hub: HubLedger, _chain: LiveChain) -> None:
    await HeadRow.filter(id=1).update(frontier=bytes(64))


async def _roll_head_back(_hub: HubLedger, _chain: LiveChain) -> None:
    await HeadRow.filter(id=1).update(size=3)


async def _forge_checkpoint(_hub: HubLedger, _chain: LiveChain) -> None:
    stranger = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
    row = await CheckpointRow.get(size=3)
    await CheckpointRow.filter(size=3).update(note=stranger.sign(3, bytes(row.root)))


async def _sign_another_root(_hub: HubLedger, _chain: LiveChain) -> None:
    signer = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    await CheckpointRow.filter(size=3).update(root=bytes(32), note=signer.sign(3, bytes(32)))


async def _change_root_column(_hub: HubLedger, _chain: LiveChain) -> None:
    await CheckpointRow.filter(size=2).update(root=bytes(32))


async def _lose_newest_checkpoint(_hub: HubLedger, _chain: LiveChain) -> None:
    await CheckpointRow.filter(size=260).delete()


async def _sign_beyond(hub: HubLedger, _chain: LiveChain) -> None:
    signer = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    note = signer.sign(300, bytes(32))
    row = await CheckpointRow.get(size=3)
    await CheckpointRow.create(size=300, root=bytes(32), note=note, signed_at=row.signed_at)


async def _anchor_split_view(_hub: HubLedger, chain: LiveChain) -> None:
    # Neither size nor root is of this log; a root of a size that the log passed is what a second history looks like.
    _anchor(chain, bytes(32), 261)


async def _lose_transaction(_hub: HubLedger, _chain: LiveChain) -> None:
    await TransactionRow.filter(purpose="anchor:3").delete()


async def _change_block(_hub: HubLedger, _chain: LiveChain) -> None:
    await TransactionRow.filter(purpose="anchor:3").update(block_hash="0x" + "12" * 32, block_number=99)


async def _invent_anchor(_hub: HubLedger, _chain: LiveChain) -> None:
    await AnchorRow.create(size=259, purpose="anchor:260")


async def _exchange_raw(_hub: HubLedger, _chain: LiveChain) -> None:
    other = await TransactionRow.get(purpose="anchor:2")
    await TransactionRow.filter(purpose="anchor:3").update(raw_transaction=other.raw_transaction)


BREAKINGS: dict[str, tuple[Breaking, list[tuple[str, str, int | None, str]]]] = {
    "a commitment": (
        _flip_commitment,
        [
            ("ledger_leaf", "c-4", 7, "another commitment"),
            ("ledger_tile", "0/0", 7, "hash 7 of the tile"),
            ("ledger_checkpoint", "260", 260, "signed root"),
            ("chain", "0x", 260, "split view"),
        ],
    ),
    "a lost record": (_lose_leaf, [("ledger_leaf", "(none)", 7, "no record has this place")]),
    "a readable copy": (_change_body, [("ledger_leaf", "c-4", 7, "another commitment")]),
    "a sealed copy": (_change_sealed_body, [("ledger_leaf", "b-0", 2, "another commitment")]),
    "a place beyond": (_place_beyond, [("ledger_leaf", "c-256", 900, "beyond the log")]),
    "a tile": (_flip_tile, [("ledger_tile", "0/0", 3, "hash 3 of the tile")]),
    "an upper tile": (_flip_upper_tile, [("ledger_tile", "1/0", 0, "hash 0 of the tile")]),
    "a lost tile": (_lose_tile, [("ledger_tile", "0/1", None, "missing")]),
    "a tile too wide": (_widen_tile, [("ledger_tile", "0/1", None, "hashes beyond the log")]),
    "a tile too many": (_add_tile, [("ledger_tile", "0/5", None, "hashes beyond the log")]),
    "the head's root": (_change_head_root, [("ledger_head", "1", 260, "root")]),
    "the frontier": (_change_frontier, [("ledger_head", "1", 260, "frontier")]),
    "the head's size": (
        _roll_head_back,
        [
            ("ledger_head", "1", 3, "frontier"),
            ("ledger_leaf", "c-256", 259, "beyond the log"),
            ("ledger_checkpoint", "260", 260, "signed for more"),
            ("chain", "0x", 260, "rolled back"),
        ],
    ),
    "a forged checkpoint": (_forge_checkpoint, [("ledger_checkpoint", "3", 3, "the signed note")]),
    "another signed root": (
        _sign_another_root,
        [("ledger_checkpoint", "3", 3, "signed root"), ("ledger_checkpoint", "260", 260, "does not continue")],
    ),
    "a root column": (_change_root_column, [("ledger_checkpoint", "2", 2, "root column")]),
    "a lost checkpoint": (_lose_newest_checkpoint, [("ledger_checkpoint", "260", 260, "no checkpoint")]),
    "a checkpoint beyond": (_sign_beyond, [("ledger_checkpoint", "300", 300, "signed for more")]),
    "an anchor of a stranger": (
        _anchor_split_view,
        [("chain", "0x", 261, "rolled back"), ("chain", "0x", 261, "does not know")],
    ),
    "a lost transaction": (
        _lose_transaction,
        [("ledger_anchor", "3", 3, "its transaction"), ("chain", "0x", 3, "does not know")],
    ),
    "a block": (_change_block, [("ledger_anchor", "3", 3, "block number"), ("ledger_anchor", "3", 3, "block hash")]),
    "an invented anchor": (_invent_anchor, [("ledger_anchor", "259", 259, "the chain does not have it")]),
    "a raw transaction": (_exchange_raw, [("ledger_anchor", "3", 3, "call in the raw transaction")]),
}


async def test_a_whole_log_is_clean(hub: HubLedger, chain: LiveChain) -> None:
    assert (await _fsck(hub, chain)).clean
    await _three_sizes(hub)
    report = await _fsck(hub, chain)
    assert report.clean, describe(report)
    assert (report.leaves, report.tiles, report.checkpoints, report.anchors) == (260, 3, 3, 3)
    compared = "clean: 260 records, 3 tiles, 3 checkpoints, 0 cosignatures, 0 witnesses, 3 anchors on the chain"
    assert compared in describe(report)


async def test_a_person_who_left_leaves_the_log_clean(hub: HubLedger, chain: LiveChain) -> None:
    await _three_sizes(hub)
    hub.cipher.destroyed.add("wh-1")
    assert (await _fsck(hub, chain)).clean


@pytest.mark.parametrize("name", BREAKINGS)
async def test_each_broken_thing_is_named(hub: HubLedger, chain: LiveChain, name: str) -> None:
    await _three_sizes(hub)
    breaking, expected = BREAKINGS[name]
    await breaking(hub, chain)
    report = await _fsck(hub, chain)
    told = [(item.table, item.row, item.index, item.what) for item in report.findings]
    for table, row, index, what in expected:
        assert any(t == table and r.startswith(row) and i == index and what in w for t, r, i, w in told), told
    assert not report.clean
    assert "NOT CLEAN" in describe(report)


async def test_expected_and_found_are_told(hub: HubLedger, chain: LiveChain) -> None:
    await _three_sizes(hub)
    row = await LeafRow.get(leaf_index=3)
    await _flip_tile(hub, chain)
    finding = next(item for item in (await _fsck(hub, chain)).findings if item.table == "ledger_tile")
    assert (finding.expected, finding.found) == (leaf_hash(bytes(row.commitment)).hex(), bytes(32).hex())
    assert str(finding).startswith("ledger_tile 0/0 index 3: hash 3 of the tile: expected ")


async def test_many_faults_are_counted_instead_of_told(hub: HubLedger, chain: LiveChain) -> None:
    await _three_sizes(hub)
    await TileRow.filter(id="0/0").update(data=bytes(256 * 32))
    report = await _fsck(hub, chain)
    assert report.untold() == {"ledger_tile": 156}
    assert "ledger_tile: 156 more faults not shown" in describe(report)


async def test_a_log_that_grows_meanwhile_is_clean(hub: HubLedger, chain: LiveChain) -> None:
    await _three_sizes(hub)

    async def grow() -> None:
        for number in range(12):
            await _grow(hub, f"g{number}", 30)

    async def check() -> None:
        for _ in range(6):
            report = await _fsck(hub, chain)
            assert report.clean, describe(report)

    await asyncio.gather(grow(), check())


async def test_the_chain_must_be_the_right_one_or_be_left_out(hub: HubLedger, chain: LiveChain) -> None:
    await _three_sizes(hub)
    with pytest.raises(WrongChain):
        await _fsck(hub, chain, chain_id=CHAIN_ID + 1)
    report = await fsck(hub.database, hub.cipher, VERIFIER, None, address_of(HUB))
    assert report.clean
    assert "the chain was left out" in describe(report)
