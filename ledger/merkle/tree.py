"""Growing a tile-stored log and proving things about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ledger.merkle.frontier import Frontier, Node, complete_root, fold_peaks
from ledger.merkle.hashing import HASH_SIZE, split_point
from ledger.merkle.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    MissingTile,
    TileId,
    TileStore,
    subtree_hash,
    tile_for,
    tile_of,
)

LeafRange = tuple[int, int]
"""Leaves from the first number up to but without the second."""


async def append_leaves(store: TileStore, frontier: Frontier, leaf_hashes: Iterable[bytes]) -> None:
    """Add leaves to the frontier and their hashes to the tiles.

    The caller makes both durable in one transaction; after an error both must be thrown away.
    """
    grown = _Grown()
    leaves = iter(leaf_hashes)
    while chunk := list(islice(leaves, TILE_WIDTH - frontier.size % TILE_WIDTH)):
        if len(chunk) == TILE_WIDTH:
            # A whole tile needs the nodes inside it for its root only: a third of the time.
            grown.fill(TileId(0, frontier.size // TILE_WIDTH), chunk)
            grown.note(frontier.append_subtree(TILE_HEIGHT, complete_root(chunk)))
        else:
            for leaf_hash in chunk:
                grown.note(frontier.append(leaf_hash))
    old = await store.read_tiles([tile for tile, (first, _) in grown.tiles.items() if first > 0])
    await store.write_tiles({tile: _extend(tile, old.get(tile, b""), *added) for tile, added in grown.tiles.items()})


class _Grown:
    """What is added to tiles: from which place on, and the hashes."""

    def __init__(self) -> None:
        self.tiles: dict[TileId, tuple[int, list[bytes]]] = {}

    def fill(self, tile: TileId, hashes: list[bytes]) -> None:
        self.tiles[tile] = (0, hashes)

    def note(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            place = tile_of(node)
            if place is not None:
                self.tiles.setdefault(place[0], (place[1], []))[1].append(node.hash)


def _extend(tile: TileId, old: bytes, place: int, hashes: list[bytes]) -> bytes:
    first = place * HASH_SIZE
    if len(old) < first:
        raise MissingTile(f"{tile.path()} should have {first} bytes and has {len(old)}")
    return old[:first] + b"".join(hashes)


async def prove_inclusion(store: TileStore, index: int, size: int) -> list[bytes]:
    """Return the inclusion proof of the leaf at `index` in the tree of `size` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf index {index} is outside a tree of size {size}")
    ranges: list[LeafRange] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return await _range_hashes(store, ranges[::-1])


async def prove_consistency(store: TileStore, size1: int, size2: int) -> list[bytes]:
    """Return the proof that the tree of `size2` leaves continues the one of `size1` (RFC 9162, 2.1.4.1)."""
    if not 0 < size1 <= size2:
        raise ValueError(f"no consistency proof from size {size1} to size {size2}")
    ranges: list[LeafRange] = []
    start, end = 0, size2
    while size1 != end:
        middle = start + split_point(end - start)
        if size1 <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return await _range_hashes(store, ranges[::-1])


async def rebuild_frontier(store: TileStore, size: int) -> Frontier:
    """Compute the frontier of the first `size` leaves from the tiles alone; MissingTile when they do not suffice."""
    subtrees = _complete_subtrees(0, size)
    tiles = await _read(store, subtrees)
    return Frontier(size, (_hash(tiles, *subtree) for subtree in subtrees))


async def _range_hashes(store: TileStore, ranges: Sequence[LeafRange]) -> list[bytes]:
    covers = [_complete_subtrees(*leaves) for leaves in ranges]
    tiles = await _read(store, [subtree for cover in covers for subtree in cover])
    return [fold_peaks([_hash(tiles, *subtree) for subtree in cover]) for cover in covers]


def _complete_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """Cover the leaves by complete subtrees (level, index), largest first; `start` is aligned as in any proof."""
    cover = []
    while start < end:
        level = (end - start).bit_length() - 1
        cover.append((level, start >> level))
        start += 1 << level
    return cover


async def _read(store: TileStore, subtrees: Iterable[tuple[int, int]]) -> Mapping[TileId, bytes]:
    return await store.read_tiles(sorted({tile_for(*subtree) for subtree in subtrees}))


def _hash(tiles: Mapping[TileId, bytes], level: int, index: int) -> bytes:
    tile = tile_for(level, index)
    if tile not in tiles:
        raise MissingTile(f"{tile.path()} is not stored")
    return subtree_hash(tiles[tile], level, index)
