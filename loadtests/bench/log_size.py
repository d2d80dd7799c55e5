"""`python -m loadtests.bench.log_size [LEAVES …]`: a log's tree at a size: time, memory, proofs.

The tree and its tiles alone: leaf hashes come from a counter and tiles go to a bare SQLite file, so that neither
records nor the hub's database are in the figure. Each size is its own process; its memory is the most that it ever had.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.process import ROOT
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import HASH_SIZE, leaf_hash
from ledger.merkle.proofs import verify_consistency, verify_inclusion
from ledger.merkle.tiles import TileId
from ledger.merkle.tree import append_leaves, prove_consistency, prove_inclusion, rebuild_frontier

SIZES = (1_000_000, 10_000_000)
BATCH, PROOFS = 25_600, 200


@dataclass(frozen=True)
class LogSize:
    """What a log of so many leaves takes."""

    leaves: int
    appends_per_s: float
    frontier_bytes: int
    tile_bytes: int
    inclusion_ms: float
    inclusion_bytes: int
    consistency_ms: float
    consistency_bytes: int
    restart_ms: float
    """Computing the frontier from the tiles, as a hub does when it starts."""
    memory_mb: int


class SqliteTiles:
    """Tiles in a bare SQLite file (implements `ledger.merkle.tiles.TileStore`)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("CREATE TABLE tile (level INTEGER, number INTEGER, data BLOB, PRIMARY KEY (level, number))")

    async def read_tiles(self, tiles: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """See `TileStore`."""
        found = {}
        for tile in tiles:
            sql = "SELECT data FROM tile WHERE level = ? AND number = ?"
            row = self._connection.execute(sql, (tile.level, tile.index)).fetchone()
            if row is not None:
                found[tile] = bytes(row[0])
        return found

    async def write_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        """See `TileStore`."""
        rows = [(tile.level, tile.index, data) for tile, data in tiles.items()]
        self._connection.executemany("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", rows)
        self._connection.commit()

    def size(self) -> int:
        """Bytes of all tiles."""
        return int(self._connection.execute("SELECT SUM(LENGTH(data)) FROM tile").fetchone()[0])


async def measure(leaves: int, path: Path) -> LogSize:
    """Grow a log, prove things about it, and restart it."""
    with closing(sqlite3.connect(path)) as connection:
        tiles, frontier = SqliteTiles(connection), Frontier()
        roots: dict[int, bytes] = {}
        started = time.perf_counter()
        for first in range(0, leaves, BATCH):
            batch = (_leaf(number) for number in range(first, min(first + BATCH, leaves)))
            await append_leaves(tiles, frontier, batch)
            roots[frontier.size] = frontier.root()
        per_s = leaves / (time.perf_counter() - started)
        chance = random.Random(leaves)  # noqa: S311  which leaves are looked at
        inclusion = await _inclusions(tiles, frontier, chance)
        consistency = await _consistencies(tiles, frontier, roots, chance)
        started = time.perf_counter()
        assert (await rebuild_frontier(tiles, leaves)).root() == frontier.root()
        restart_ms = (time.perf_counter() - started) * 1_000
        return LogSize(
            leaves, round(per_s), len(frontier.to_bytes()), tiles.size(), *inclusion, *consistency,
            round(restart_ms, 2), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        )  # fmt: skip


def _leaf(number: int) -> bytes:
    return leaf_hash(number.to_bytes(32))


async def _inclusions(tiles: SqliteTiles, frontier: Frontier, chance: random.Random) -> tuple[float, int]:
    """Median milliseconds to make a proof, and the bytes of the largest; each one is verified."""
    seconds, sizes = [], []
    for _ in range(PROOFS):
        index = chance.randrange(frontier.size)
        started = time.perf_counter()
        proof = await prove_inclusion(tiles, index, frontier.size)
        seconds.append(time.perf_counter() - started)
        verify_inclusion(_leaf(index), index, frontier.size, proof, frontier.root())
        sizes.append(len(proof) * HASH_SIZE)
    return round(statistics.median(seconds) * 1_000, 3), max(sizes)


async def _consistencies(
    tiles: SqliteTiles, frontier: Frontier, roots: Mapping[int, bytes], chance: random.Random
) -> tuple[float, int]:
    """The same from earlier sizes of the log."""
    seconds, sizes, earlier = [], [], sorted(roots)
    for _ in range(PROOFS):
        size = chance.choice(earlier)
        started = time.perf_counter()
        proof = await prove_consistency(tiles, size, frontier.size)
        seconds.append(time.perf_counter() - started)
        verify_consistency(size, frontier.size, proof, roots[size], frontier.root())
        sizes.append(len(proof) * HASH_SIZE)
    return round(statistics.median(seconds) * 1_000, 3), max(sizes)


def apart(leaves: int) -> LogSize:
    """The same in a process of its own. Raises CalledProcessError."""
    command = [sys.executable, "-m", "loadtests.bench.log_size", "--here", str(leaves)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return LogSize(**json.loads(done.stdout))


def described(found: LogSize) -> str:
    """One line for people."""
    return (
        f"log of {found.leaves:,} leaves (tree and tiles, no records): {found.appends_per_s:,.0f} appends/s,"
        f" {found.memory_mb} MB at most, tiles {found.tile_bytes / 1e6:,.0f} MB, frontier {found.frontier_bytes} bytes;"
        f" inclusion {found.inclusion_ms} ms, {found.inclusion_bytes} bytes;"
        f" consistency {found.consistency_ms} ms, {found.consistency_bytes} bytes; restart {found.restart_ms} ms"
    )


def main(arguments: Sequence[str]) -> int:
    """Print a line for each size; `--here SIZE` prints JSON instead."""
    if arguments[:1] == ["--here"]:
        with tempfile.TemporaryDirectory(prefix="log-size-") as folder:
            found = asyncio.run(measure(int(arguments[1]), Path(folder) / "tiles.sqlite"))
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        return 0
    for leaves in [int(text) for text in arguments] or SIZES:
        sys.stdout.write(described(apart(leaves)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
