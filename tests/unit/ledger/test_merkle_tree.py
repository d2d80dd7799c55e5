"""Growing a log in tiles, restoring its frontier, and proofs built from the tiles."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.proofs import verify_consistency, verify_inclusion
from ledger.merkle.tiles import MemoryTileStore, MissingTile, TileId
from ledger.merkle.tree import append_leaves, prove_consistency, prove_inclusion, rebuild_frontier
from tests.unit.ledger import naive_tree

LEAVES = [index.to_bytes(4) for index in range(600)]


def _grow(batches: list[int]) -> tuple[MemoryTileStore, Frontier]:
    store, frontier = MemoryTileStore(), Frontier()
    for batch in batches:
        data = LEAVES[frontier.size : frontier.size + batch]
        asyncio.run(append_leaves(store, frontier, [leaf_hash(leaf) for leaf in data]))
    return store, frontier


@given(st.lists(st.integers(0, 150), max_size=4))
@settings(max_examples=40, deadline=None)
def test_batches_do_not_matter_to_root_tiles_or_frontier(batches: list[int]) -> None:
    store, frontier = _grow(batches)
    whole, _ = _grow([sum(batches)])
    assert frontier.root() == naive_tree.root(LEAVES[: sum(batches)])
    assert store.tiles == whole.tiles
    rebuilt = asyncio.run(rebuild_frontier(store, frontier.size))
    assert rebuilt.to_bytes() == frontier.to_bytes()
    assert Frontier.from_bytes(frontier.size, frontier.to_bytes()).root() == frontier.root()


GROWN, _ = _grow([600])


@given(st.integers(1, 600), st.data())
@settings(max_examples=60, deadline=None)
def test_inclusion_proofs_are_those_of_the_rfc(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = asyncio.run(prove_inclusion(GROWN, index, size))
    assert proof == naive_tree.path(index, LEAVES[:size])
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, naive_tree.root(LEAVES[:size]))


@given(st.integers(1, 600), st.integers(1, 600))
@settings(max_examples=60, deadline=None)
def test_consistency_proofs_are_those_of_the_rfc(one: int, two: int) -> None:
    old, new = sorted((one, two))
    proof = asyncio.run(prove_consistency(GROWN, old, new))
    assert proof == naive_tree.proof(old, LEAVES[:new])
    verify_consistency(old, new, proof, naive_tree.root(LEAVES[:old]), naive_tree.root(LEAVES[:new]))


def test_large_log_crosses_three_tile_levels() -> None:
    size = 66_000
    store, frontier = MemoryTileStore(), Frontier()
    hashes = [hashlib.sha256(index.to_bytes(4)).digest() for index in range(size)]
    asyncio.run(append_leaves(store, frontier, hashes))
    assert {tile.level for tile in store.tiles} == {0, 1, 2}
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        verify_inclusion(hashes[index], index, size, asyncio.run(prove_inclusion(store, index, size)), frontier.root())
    assert asyncio.run(rebuild_frontier(store, size)).root() == frontier.root()


def test_empty_log_has_the_root_of_the_rfc_and_no_proofs() -> None:
    assert Frontier().root() == EMPTY_ROOT == naive_tree.root([])
    with pytest.raises(ValueError, match="outside"):
        asyncio.run(prove_inclusion(MemoryTileStore(), 0, 0))
    with pytest.raises(ValueError, match="size 0"):
        asyncio.run(prove_consistency(MemoryTileStore(), 0, 1))


def test_damage_is_reported_and_never_computed_over() -> None:
    store, frontier = _grow([300])
    store.tiles[TileId(0, 1)] = store.tiles[TileId(0, 1)][:32]
    with pytest.raises(MissingTile):
        asyncio.run(prove_inclusion(store, 280, 300))
    with pytest.raises(MissingTile):
        asyncio.run(append_leaves(store, frontier, [bytes(32)]))
    del store.tiles[TileId(0, 0)]
    with pytest.raises(MissingTile):
        asyncio.run(prove_inclusion(store, 3, 300))


def test_frontier_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(3, [bytes(32)])
    with pytest.raises(ValueError, match="bytes"):
        Frontier.from_bytes(3, bytes(63))


@pytest.mark.parametrize(
    ("tile", "width", "path"),
    [
        (TileId(0, 0), 256, "tile/0/000"),
        (TileId(1, 67), 256, "tile/1/067"),
        (TileId(0, 1234067), 256, "tile/0/x001/x234/067"),
        (TileId(2, 999), 3, "tile/2/999.p/3"),
    ],
)
def test_tile_paths_are_those_of_c2sp(tile: TileId, width: int, path: str) -> None:
    assert tile.path(width) == path
