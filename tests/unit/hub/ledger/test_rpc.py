"""The ledger on the wire: what the servicer hands out, and to whom."""

from __future__ import annotations

import pytest
from huilian.ledger.v1 import ledger_service_pb2 as pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import parse_receipt

from hub.ledger.rpc import LedgerServicer
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from ledger.merkle.checkpoint import verify_checkpoint
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import verify_consistency, verify_inclusion
from ledger.merkle.static import unbundle
from ledger.merkle.tiles import MemoryTileStore, TileId
from ledger.merkle.tree import rebuild_frontier
from tests.unit.hub.ledger.ledger_support import HubLedger
from tests.unit.hub.ledger.test_log import VERIFIER


async def test_checkpoint_proofs_and_receipts_travel(hub: HubLedger) -> None:
    servicer = LedgerServicer(hub.ledger)
    await hub.append("mine", subject="wh-1")
    await hub.sequencer.integrate()
    first = verify_checkpoint((await servicer.GetCheckpoint(pb.GetCheckpointRequest(), None)).checkpoint, VERIFIER)
    await hub.append("public")
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()
    second = verify_checkpoint((await servicer.GetCheckpoint(pb.GetCheckpointRequest(), None)).checkpoint, VERIFIER)
    grown = await servicer.GetConsistencyProof(pb.GetConsistencyProofRequest(old_size=1, new_size=2), None)
    verify_consistency(1, 2, list(grown.proof), first.root, second.root)
    proof = await servicer.GetInclusionProof(pb.GetInclusionProofRequest(leaf_index=0, tree_size=2), None)
    verify_inclusion(first.root, 0, 2, list(proof.proof), second.root)


async def test_tiles_and_entries_travel_and_give_the_tree(hub: HubLedger) -> None:
    servicer = LedgerServicer(hub.ledger)
    for number in range(3):
        await hub.append(f"r{number}")
    await hub.sequencer.integrate()
    checkpoint = verify_checkpoint((await servicer.GetCheckpoint(pb.GetCheckpointRequest(), None)).checkpoint, VERIFIER)
    tile = (await servicer.GetTile(pb.GetTileRequest(level=0, index=0, width=3), None)).tile
    entries = unbundle((await servicer.GetEntries(pb.GetEntriesRequest(index=0, width=3), None)).bundle)
    assert tile == b"".join(map(leaf_hash, entries))
    store = MemoryTileStore()
    await store.write_tiles({TileId(0, 0): tile})
    assert (await rebuild_frontier(store, 3)).root() == checkpoint.root
    narrow = (await servicer.GetTile(pb.GetTileRequest(level=0, index=0, width=2), None)).tile
    assert narrow == tile[:64]
    for wide in (pb.GetTileRequest(level=0, index=0, width=4), pb.GetTileRequest(level=1, index=0, width=1)):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await servicer.GetTile(wide, None)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await servicer.GetEntries(pb.GetEntriesRequest(index=0, width=4), None)


async def test_a_persons_record_is_given_to_that_caller_only(hub: HubLedger) -> None:
    servicer = LedgerServicer(hub.ledger)
    await hub.append("mine", subject="wh-1")
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()
    request = pb.GetReceiptRequest(record_id="mine")
    try:
        set_current_caller(Caller("wh-2", Role.CITIZEN))
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await servicer.GetReceipt(request, None)
        set_current_caller(Caller("wh-1", Role.CITIZEN))
        assert parse_receipt((await servicer.GetReceipt(request, None)).receipt).record["id"] == "mine"
    finally:
        set_current_caller(ANONYMOUS)
