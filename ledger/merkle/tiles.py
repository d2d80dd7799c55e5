"""Tiles: the hashes of a log in files of 256 (C2SP tlog-tiles), and the port of whoever stores them.

A tile at level L holds the roots of complete subtrees of 256**L leaves; everything between is computed.
Tiles only ever grow to the right, so the longest stored version of a tile serves every smaller tree too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger.merkle.frontier import Node, complete_root
from ledger.merkle.hashing import HASH_SIZE

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Coordinates of a tile: `level` counts tiles (not tree levels) upwards, `index` from the left."""

    level: int
    index: int

    def path(self, width: int = TILE_WIDTH) -> str:
        """Return the C2SP resource path, of a partial tile when `width` is under 256."""
        digits = f"{self.index:d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        return f"tile/{self.level}/{name}" + ("" if width == TILE_WIDTH else f".p/{width}")


class TileStore(Protocol):
    """Where tiles live. A tile's content is its hashes joined, at most 256 * 32 bytes."""

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """Return the stored tiles among those asked for, each at its greatest width."""

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """Store the tiles, each replacing its shorter version."""


class MemoryTileStore:
    """Tiles in memory, for tests and for checking a log that was read whole."""

    def __init__(self) -> None:
        self.tiles: dict[TileId, bytes] = {}

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        return {tile: self.tiles[tile] for tile in tiles if tile in self.tiles}

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """See `TileStore`."""
        self.tiles.update(tiles)


class MissingTile(Exception):
    """The store lacks a tile, or part of one, which the tree needs: the log is damaged."""


def tile_of(node: Node) -> tuple[TileId, int] | None:
    """Return the tile and the place in it where a node is stored, None for nodes that are computed."""
    if node.level % TILE_HEIGHT:
        return None
    return TileId(node.level // TILE_HEIGHT, node.index // TILE_WIDTH), node.index % TILE_WIDTH


def tile_for(level: int, index: int) -> TileId:
    """Return the tile from which the hash of the complete subtree (`level`, `index`) is computed."""
    return TileId(level // TILE_HEIGHT, index << level % TILE_HEIGHT >> TILE_HEIGHT)


def subtree_hash(tile: bytes, level: int, index: int) -> bytes:
    """Compute the hash of the complete subtree (`level`, `index`) from its tile; MissingTile if that is too short."""
    count = 1 << level % TILE_HEIGHT
    first = index * count % TILE_WIDTH
    end = (first + count) * HASH_SIZE
    if len(tile) < end:
        raise MissingTile(f"the tile of subtree level {level} index {index} has only {len(tile)} bytes")
    return complete_root([tile[at : at + HASH_SIZE] for at in range(first * HASH_SIZE, end, HASH_SIZE)])
