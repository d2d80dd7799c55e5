"""The log as static files: a reader with nothing but the folder can check everything, at every moment."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.merkle.checkpoint import InvalidCheckpoint, LogSigner, verify_checkpoint
from ledger.merkle.cosignature import Witness
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.static import OtherLog, StaticLog, entry_path, tiles_of, unbundle
from ledger.merkle.tiles import MemoryTileStore, MissingTile, TileId
from ledger.merkle.tree import append_leaves
from tests.unit.ledger import naive_tree

SIGNER = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))


class Log:
    """A growing log in memory, with its entries."""

    def __init__(self) -> None:
        self.tiles, self.frontier, self.data = MemoryTileStore(), Frontier(), list[bytes]()

    async def grow(self, count: int, salt: bytes = b"") -> str:
        """Add leaves; return the signed checkpoint."""
        new = [salt + number.to_bytes(8) for number in range(self.frontier.size, self.frontier.size + count)]
        self.data += new
        await append_leaves(self.tiles, self.frontier, map(leaf_hash, new))
        return SIGNER.sign(self.frontier.size, self.frontier.root())

    async def entries(self, first: int, end: int) -> Sequence[bytes]:
        """See `LogEntries`."""
        return self.data[first:end]

    def static(self, folder: Path) -> StaticLog:
        """Publish this log to a folder."""
        return StaticLog(folder, SIGNER.verifier, self.tiles, self)


def read(folder: Path) -> tuple[int, Mapping[str, bytes]]:
    """Read the folder as a monitor does: the checkpoint, then all that it needs, and check everything."""
    checkpoint = verify_checkpoint((folder / "checkpoint").read_text(), SIGNER.verifier)
    files = {tile.path(width): (folder / tile.path(width)).read_bytes() for tile, width in tiles_of(0, checkpoint.size)}
    leaves: list[bytes] = []
    for tile, width in tiles_of(0, checkpoint.size):
        if tile.level == 0:
            entries = unbundle((folder / entry_path(tile.index, width)).read_bytes())
            hashes = [leaf_hash(entry) for entry in entries]
            assert b"".join(hashes) == files[tile.path(width)]
            leaves += hashes
    store, frontier = MemoryTileStore(), Frontier()
    run = asyncio.new_event_loop()
    run.run_until_complete(append_leaves(store, frontier, leaves))
    run.close()
    assert frontier.root() == checkpoint.root
    assert {tile: files[tile.path(width)] for tile, width in tiles_of(0, checkpoint.size)} == store.tiles
    return checkpoint.size, files


def _files(folder: Path) -> dict[Path, bytes]:
    """Return everything but the checkpoint."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "checkpoint"}


async def check(folder: Path) -> int:
    """`read` beside a running loop."""
    return (await asyncio.to_thread(read, folder))[0]


@pytest.mark.parametrize("sizes", [(1,), (1, 2, 255, 256, 257), (300, 70_000), (65_536, 65_537)])
async def test_every_published_state_can_be_checked_from_the_files_alone(tmp_path: Path, sizes: Sequence[int]) -> None:
    log = Log()
    for old, size in itertools.pairwise((0, *sizes)):
        note = await log.grow(size - old)
        assert await log.static(tmp_path).publish(note)
        assert await check(tmp_path) == size
        assert not await log.static(tmp_path).publish(note)


async def test_old_files_stay_what_they_were(tmp_path: Path) -> None:
    log = Log()
    await log.static(tmp_path).publish(await log.grow(300))
    before = _files(tmp_path)
    await log.static(tmp_path).publish(await log.grow(700))
    assert _files(tmp_path).items() >= before.items()
    assert naive_tree.root(log.data) == verify_checkpoint((tmp_path / "checkpoint").read_text(), SIGNER.verifier).root


async def test_a_reader_beside_a_writer_never_meets_a_state_that_does_not_check(tmp_path: Path) -> None:
    log, done = Log(), False
    await log.static(tmp_path).publish(await log.grow(3))

    async def write() -> None:
        nonlocal done
        for step in range(60):
            await log.static(tmp_path).publish(await log.grow(1 + step * 7 % 90))
            await asyncio.sleep(0)
        done = True

    async def watch() -> list[int]:
        seen = []
        while not done:
            seen.append(await check(tmp_path))
        return seen

    _, seen = await asyncio.gather(write(), watch())
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


async def test_a_crash_at_any_file_leaves_the_old_state_and_the_next_run_repairs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    await log.static(tmp_path).publish(await log.grow(250))
    replace = Path.replace
    for broken_at in range(8):
        note = await log.grow(60)
        count = itertools.count()

        def breaking(self: Path, target: Path, count: itertools.count[int] = count, at: int = broken_at) -> Path:
            if next(count) == at:
                raise OSError("injected")
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", breaking)
        published = False
        try:
            published = await log.static(tmp_path).publish(note)
        except OSError:
            assert await check(tmp_path) < log.frontier.size
        monkeypatch.setattr(Path, "replace", replace)
        assert await log.static(tmp_path).publish(note) is not published
        assert await check(tmp_path) == log.frontier.size
    assert not [path for path in _files(tmp_path) if path.name.startswith(".new-")]


async def test_a_log_with_another_history_is_not_published_over_the_first(tmp_path: Path) -> None:
    log, other, shorter = Log(), Log(), Log()
    await log.static(tmp_path).publish(await log.grow(40))
    for fork, count in ((other, 41), (other, 1), (shorter, 40), (Log(), 7)):
        with pytest.raises(OtherLog, match="another tree of size 40"):
            await fork.static(tmp_path).publish(await fork.grow(count, salt=b"x"))
    assert await check(tmp_path) == 40


async def test_an_older_checkpoint_changes_nothing(tmp_path: Path) -> None:
    log = Log()
    old = await log.grow(5)
    await log.static(tmp_path).publish(await log.grow(5))
    assert not await log.static(tmp_path).publish(old)
    assert await check(tmp_path) == 10


async def test_cosignatures_that_come_late_are_added_and_never_taken_away(tmp_path: Path) -> None:
    log = Log()
    note = await log.grow(3)
    witness = Witness("hub-b.example/witness", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
    cosigned = note + witness.cosign(note.partition("\n\n")[0] + "\n", 1_772_416_800)
    static = log.static(tmp_path)
    assert await static.publish(note)
    assert not await static.publish(note)
    assert await static.publish(cosigned)
    assert not await static.publish(note)
    assert (tmp_path / "checkpoint").read_text() == cosigned


async def test_a_damaged_log_and_a_strangers_checkpoint_are_not_published(tmp_path: Path) -> None:
    log = Log()
    note = await log.grow(300)
    stranger = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
    with pytest.raises(InvalidCheckpoint):
        await log.static(tmp_path).publish(stranger.sign(300, log.frontier.root()))
    del log.data[299]
    with pytest.raises(MissingTile, match="only 43 entries"):
        await log.static(tmp_path).publish(note)
    del log.tiles.tiles[TileId(0, 1)]
    with pytest.raises(MissingTile, match="tile/0/001"):
        await log.static(tmp_path).publish(note)
    assert not (tmp_path / "checkpoint").exists()


def test_a_bundle_that_is_cut_off_is_refused() -> None:
    with pytest.raises(ValueError, match="cut off"):
        unbundle(b"\0\x05abc")
