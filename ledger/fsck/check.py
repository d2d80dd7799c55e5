"""The comparison: records, tiles, head, checkpoints and chain, each against the tree rebuilt from the records."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence

from ledger.anchor.contract import AnchoredEvent
from ledger.fsck.chain import check_anchors
from ledger.fsck.findings import Report
from ledger.fsck.rebuild import Rebuilt, rebuild
from ledger.fsck.source import LogSource, StoredCheckpoint, StoredHead
from ledger.fsck.witnesses import Witnesses, check_cosignatures, check_states
from ledger.merkle.checkpoint import InvalidCheckpoint, LogKeys, verify_checkpoint
from ledger.merkle.hashing import HASH_SIZE
from ledger.merkle.note import NoteKey
from ledger.merkle.proofs import InvalidProof, verify_consistency
from ledger.merkle.tiles import TILE_WIDTH, MissingTile, TileId
from ledger.merkle.tree import prove_consistency

EventReader = Callable[[], Awaitable[Sequence[AnchoredEvent]]]
"""Asks the chain for all anchors of this hub."""


async def check_log(
    source: LogSource, keys: LogKeys | NoteKey, read_events: EventReader | None, witnesses: Witnesses | None = None
) -> Report:
    """Compare everything and return what was found. The log may grow meanwhile.

    `keys` are the log's; `read_events` None leaves the chain out. Raises what `read_events` raises.
    """
    report, witnesses = Report(), witnesses or Witnesses()
    states = witnesses.states(keys, report)
    # In the order in which the log's parts follow one another, backwards: what is read later may only be ahead.
    anchors = await source.anchors()
    events = None if read_events is None else await read_events()
    least = _size(await source.head())
    checkpoints = await source.checkpoints()
    head = await source.head()
    sizes = {row.size for row in checkpoints} | {event.size for event in events or ()}
    sizes |= {state.size for state in states.values()}
    rebuilt = await rebuild(source, _size(head), sizes, report)
    _check_head(head, rebuilt, report)
    await _check_surplus(source, _size(head), rebuilt, report)
    if (newest := max((row.size for row in checkpoints), default=0)) < least:
        report.add("ledger_checkpoint", least, least, "the head has no checkpoint", f"one of size {least}", newest)
    for row in checkpoints:
        _check_checkpoint(row, rebuilt, keys, report)
    await _check_consistency(source, [row for row in checkpoints if row.size <= _size(head)], report)
    check_states(states, rebuilt.frontier.size, rebuilt.roots, report)
    check_cosignatures(await source.cosignatures(), checkpoints, witnesses.keys, report)
    if events is not None:
        check_anchors(events, anchors, await source.transaction_hashes(), rebuilt.frontier.size, rebuilt.roots, report)
    return report


def _size(head: StoredHead | None) -> int:
    return head.size if head else 0


def _check_head(head: StoredHead | None, rebuilt: Rebuilt, report: Report) -> None:
    if head is None:
        return
    built = rebuilt.frontier
    if built.size != head.size:
        report.add("ledger_head", 1, head.size, "size", f"{built.size} records with a place", head.size)
        return
    if head.root != built.root():
        report.add("ledger_head", 1, head.size, "root", built.root(), head.root)
    if head.frontier != built.to_bytes():
        report.add("ledger_head", 1, head.size, "frontier", built.to_bytes(), head.frontier)


async def _check_surplus(source: LogSource, size: int, rebuilt: Rebuilt, report: Report) -> None:
    """Find what no log of the present size has: leaves, tiles and hashes beyond it."""
    leaves, names = await source.leaves_beyond(size), [_tile(name) for name in await source.tile_names()]
    stored = await source.read_tiles([tile for tile in names if _hashes(tile, size) < TILE_WIDTH])
    present = _size(await source.head())
    for leaf in leaves:
        if leaf.index >= present:
            what = "a place beyond the log"
            report.add("ledger_leaf", leaf.row, leaf.index, what, f"an index under {present}", leaf.index)
    for tile, data in stored.items():
        most = _hashes(tile, present) * HASH_SIZE
        if len(data) > most and len(data) <= TILE_WIDTH * HASH_SIZE:
            row, what = f"{tile.level}/{tile.index}", "hashes beyond the log"
            report.add("ledger_tile", row, None, what, f"at most {most} bytes", f"{len(data)} bytes")


def _tile(name: str) -> TileId:
    level, _, index = name.partition("/")
    return TileId(int(level), int(index))


def _hashes(tile: TileId, size: int) -> int:
    """Return how many hashes a tile has in a log of this size."""
    return min(max((size >> (8 * tile.level)) - tile.index * TILE_WIDTH, 0), TILE_WIDTH)


def _check_checkpoint(row: StoredCheckpoint, rebuilt: Rebuilt, keys: LogKeys | NoteKey, report: Report) -> None:
    def fault(what: str, expected: object, found: object) -> None:
        report.add("ledger_checkpoint", row.size, row.size, what, expected, found)

    report.checkpoints += 1
    try:
        stated = verify_checkpoint(row.note, keys)
    except InvalidCheckpoint as error:
        fault("the signed note", f"one signed by {keys.name}", error)
        return
    if stated.size != row.size:
        fault("size in the note", row.size, stated.size)
    if stated.root != row.root:
        fault("root column", stated.root, row.root)
    if row.size > rebuilt.frontier.size:
        fault("signed for more than the log", f"at most {rebuilt.frontier.size}", row.size)
    elif rebuilt.roots.get(row.size, stated.root) != stated.root:
        fault("signed root", rebuilt.roots[row.size], stated.root)


async def _check_consistency(source: LogSource, checkpoints: Sequence[StoredCheckpoint], report: Report) -> None:
    """Prove by the stored tiles that each checkpoint continues the one before it."""
    for old, new in itertools.pairwise(checkpoints):
        try:
            proof = await prove_consistency(source, old.size, new.size)
            verify_consistency(old.size, new.size, proof, old.root, new.root)
        except (InvalidProof, MissingTile, ValueError) as error:
            what = f"does not continue the checkpoint of size {old.size}"
            report.add("ledger_checkpoint", new.size, new.size, what, "a consistency proof", error)
