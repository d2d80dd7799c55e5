"""Growing the tree again from the records, tile by tile beside the stored ones; memory holds the growing tiles only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping

from ledger.fsck.findings import Report
from ledger.fsck.source import LogSource
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import HASH_SIZE, leaf_hash
from ledger.merkle.tiles import TILE_WIDTH, TileId
from ledger.merkle.tree import append_leaves

_FULL = TILE_WIDTH * HASH_SIZE


class Rebuilt:
    """The tree over the records: its frontier, its roots at the sizes asked for, and the tiles that it must have."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.roots: dict[int, bytes] = {}
        self.tiles: set[str] = set()


async def rebuild(source: LogSource, size: int, sizes: Collection[int], report: Report) -> Rebuilt:
    """Rebuild the tree of the first `size` leaves, compare its tiles, and note the roots at `sizes`."""
    rebuilt, tiles = Rebuilt(), _ComparingTiles(source, report)
    pending: list[bytes] = []
    async for hashed in _leaf_hashes(source, size, report):
        pending.append(hashed)
        if len(pending) == TILE_WIDTH or rebuilt.frontier.size + len(pending) in sizes:
            await _grow(rebuilt, tiles, pending)
    await _grow(rebuilt, tiles, pending)
    await tiles.compare_growing()
    report.leaves, report.tiles = rebuilt.frontier.size, len(tiles.seen)
    rebuilt.tiles = tiles.seen
    return rebuilt


async def _grow(rebuilt: Rebuilt, tiles: _ComparingTiles, pending: list[bytes]) -> None:
    await append_leaves(tiles, rebuilt.frontier, pending)
    rebuilt.roots[rebuilt.frontier.size] = rebuilt.frontier.root()
    pending.clear()


async def _leaf_hashes(source: LogSource, size: int, report: Report) -> AsyncIterator[bytes]:
    expected = 0
    async for leaf in source.leaves(size):
        async for stand_in in _stand_ins(source, expected, leaf.index, report):
            yield stand_in
        if leaf.content_fault:
            report.add("ledger_leaf", leaf.row, leaf.index, leaf.content_fault, leaf.commitment, "another record")
        yield leaf_hash(leaf.commitment)
        expected = leaf.index + 1
    async for stand_in in _stand_ins(source, expected, size, report):
        yield stand_in


async def _stand_ins(source: LogSource, first: int, end: int, report: Report) -> AsyncIterator[bytes]:
    """For places without a record, take the hashes of the tiles, so that the rest can still be compared."""
    for index in range(first, end):
        report.add("ledger_leaf", "(none)", index, "no record has this place", "a record", "none")
        tile = TileId(0, index // TILE_WIDTH)
        data, at = (await source.read_tiles([tile])).get(tile, b""), index % TILE_WIDTH * HASH_SIZE
        yield data[at : at + HASH_SIZE].ljust(HASH_SIZE, b"\0")


class _ComparingTiles:
    """A `TileStore` for the rebuilt tree: a tile that is full is compared with the stored one and forgotten."""

    def __init__(self, source: LogSource, report: Report) -> None:
        self._source = source
        self._report = report
        self._growing: dict[TileId, bytes] = {}
        self.seen: set[str] = set()

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        return {tile: self._growing[tile] for tile in tiles if tile in self._growing}

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """See `TileStore`."""
        self._growing.update(tiles)
        full = {tile: data for tile, data in tiles.items() if len(data) == _FULL}
        await self._compare(full)
        for tile in full:
            del self._growing[tile]

    async def compare_growing(self) -> None:
        """Compare the tiles at the right edge."""
        await self._compare(self._growing)

    async def _compare(self, expected: Mapping[TileId, bytes]) -> None:
        stored = await self._source.read_tiles(sorted(expected)) if expected else {}
        for tile, data in expected.items():
            self.seen.add(f"{tile.level}/{tile.index}")
            # A stored tile may be wider: the log may have grown since. Surplus is looked at against the newer head.
            _compare_tile(tile, data, stored.get(tile), self._report)


def _compare_tile(tile: TileId, expected: bytes, stored: bytes | None, report: Report) -> None:
    row = f"{tile.level}/{tile.index}"
    if stored is None:
        report.add("ledger_tile", row, None, "the tile is missing", f"{len(expected)} bytes", "no row")
        return
    if len(stored) < len(expected) or len(stored) > _FULL:
        report.add(
            "ledger_tile", row, None, "the tile has the wrong length", f"{len(expected)} bytes", f"{len(stored)} bytes"
        )
    for at in range(0, min(len(expected), len(stored)), HASH_SIZE):
        wanted, found = expected[at : at + HASH_SIZE], stored[at : at + HASH_SIZE]
        if wanted != found:
            index = (tile.index * TILE_WIDTH + at // HASH_SIZE) << (8 * tile.level)
            report.add("ledger_tile", row, index, f"hash {at // HASH_SIZE} of the tile", wanted, found)
