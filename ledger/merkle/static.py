"""A log as static files (C2SP tlog-tiles): `checkpoint`, `tile/<level>/<n>` and `tile/entries/<n>` under one folder.

Any web server can serve the folder. A checkpoint is replaced only after every file that it needs, so a reader never
meets one that it cannot check; files of older sizes stay.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from ledger.merkle.checkpoint import Checkpoint, LogKeys, verify_checkpoint
from ledger.merkle.hashing import HASH_SIZE
from ledger.merkle.note import NoteKey
from ledger.merkle.tiles import TILE_HEIGHT, TILE_WIDTH, MissingTile, TileId, TileStore
from ledger.merkle.tree import rebuild_frontier

_BATCH = 64


class OtherLog(Exception):
    """The folder publishes a state that the log does not continue: publishing over it would be a split view."""


class LogEntries(Protocol):
    """Where the leaves' data is read."""

    async def entries(self, first: int, end: int) -> Sequence[bytes]:
        """Return the data of the leaves from an index on, up to but without another."""


def tiles_of(old_size: int, size: int) -> Iterator[tuple[TileId, int]]:
    """Yield the tiles, each with its width, that a tree of `size` has and one of `old_size` has not or not so wide."""
    level = 0
    while (hashes := size >> (TILE_HEIGHT * level)) > 0:
        known = old_size >> (TILE_HEIGHT * level)
        for index in range(known // TILE_WIDTH, -(-hashes // TILE_WIDTH)):
            width = min(hashes - index * TILE_WIDTH, TILE_WIDTH)
            if index * TILE_WIDTH + width > known:
                yield TileId(level, index), width
        level += 1


def entry_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of the entry bundle beside the level-0 tile of this index."""
    return TileId(0, index).path(width).replace("tile/0/", "tile/entries/", 1)


def bundle(entries: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle; ValueError when it is cut off."""
    entries, at = [], 0
    while at < len(data):
        start, at = at + 2, at + 2 + int.from_bytes(data[at : at + 2])
        if at > len(data):
            raise ValueError("the entry bundle is cut off")
        entries.append(data[start:at])
    return entries


class StaticLog:
    """One folder of static files for one log. One process writes it at a time."""

    def __init__(self, folder: Path, keys: LogKeys | NoteKey, tiles: TileStore, entries: LogEntries) -> None:
        self._folder = folder
        self._keys = keys
        self._tiles = tiles
        self._entries = entries

    async def publish(self, note: str) -> bool:
        """Bring the folder to a checkpoint of the log; False when it is there or further already.

        Raises `OtherLog` when what the folder publishes is not a beginning of the log, `InvalidCheckpoint` for a note
        that the log's key did not sign, `MissingTile` for a damaged log, OSError.
        """
        checkpoint, published = verify_checkpoint(note, self._keys), self._published()
        if published is not None and published.size >= checkpoint.size:
            await self._check_beginning(published)
            return published == checkpoint and self._add_lines(note)
        if published is not None:
            await self._check_beginning(published)
        await self._write_files(published.size if published else 0, checkpoint.size)
        _replace(self._folder / "checkpoint", note.encode())
        return True

    def _add_lines(self, note: str) -> bool:
        """Replace the checkpoint by the same one with more signature lines (cosignatures come late)."""
        path = self._folder / "checkpoint"
        if len(note) <= len(path.read_text("utf-8")):
            return False
        _replace(path, note.encode())
        return True

    def _published(self) -> Checkpoint | None:
        path = self._folder / "checkpoint"
        return verify_checkpoint(path.read_text("utf-8"), self._keys) if path.exists() else None

    async def _check_beginning(self, published: Checkpoint) -> None:
        try:
            root = (await rebuild_frontier(self._tiles, published.size)).root()
        except MissingTile:
            root = b""
        if root != published.root:
            raise OtherLog(f"the folder publishes another tree of size {published.size} than the log has")

    async def _write_files(self, old_size: int, size: int) -> None:
        wanted = tiles_of(old_size, size)
        while batch := list(islice(wanted, _BATCH)):
            stored = await self._tiles.read_tiles([tile for tile, _ in batch])
            for tile, width in batch:
                await self._write_tile(tile, width, stored.get(tile, b""))

    async def _write_tile(self, tile: TileId, width: int, data: bytes) -> None:
        if len(data) < width * HASH_SIZE:
            raise MissingTile(f"{tile.path(width)} has only {len(data)} bytes")
        if tile.level == 0:
            first = tile.index * TILE_WIDTH
            entries = await self._entries.entries(first, first + width)
            if len(entries) != width:
                raise MissingTile(f"{entry_path(tile.index, width)} has only {len(entries)} entries")
            _replace(self._folder / entry_path(tile.index, width), bundle(entries))
        _replace(self._folder / tile.path(width), data[: width * HASH_SIZE])


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that readers and crashes meet either the old or the whole new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
