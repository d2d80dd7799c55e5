"""Comparing what witnesses signed and saw of the log with the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.fsck.findings import Report
from ledger.fsck.source import StoredCheckpoint, StoredCosignature
from ledger.merkle.checkpoint import Checkpoint, InvalidCheckpoint, LogKeys, verify_checkpoint
from ledger.merkle.cosignature import accept_line
from ledger.merkle.note import NoteKey, parse_note


@dataclass(frozen=True)
class Witnesses:
    """The pinned keys of the log's witnesses, and the last checkpoint that each of those asked says it cosigned."""

    keys: Sequence[NoteKey] = ()
    seen: Mapping[str, str] = field(default_factory=dict)

    def states(self, log: LogKeys | NoteKey, report: Report) -> dict[str, Checkpoint]:
        """Return what the witnesses saw, by witness; what the log's keys did not sign is a fault and left out."""
        found = {}
        for name, note in self.seen.items():
            report.witnesses += 1
            try:
                found[name] = verify_checkpoint(note, log)
            except InvalidCheckpoint as error:
                report.add("witness", name, None, "the checkpoint that it holds", f"one signed by {log.name}", error)
        return found


def check_states(states: Mapping[str, Checkpoint], size: int, roots: Mapping[int, bytes], report: Report) -> None:
    """Compare what witnesses saw with the log of this size and its roots."""
    for name, state in states.items():
        if state.size > size:
            report.add(
                "witness", name, state.size, "saw more than the log has: rolled back?", f"at most {size}", state.size
            )
        elif roots[state.size] != state.root:
            report.add("witness", name, state.size, "saw another root: a split view", roots[state.size], state.root)


def check_cosignatures(
    rows: Sequence[StoredCosignature], checkpoints: Sequence[StoredCheckpoint], keys: Sequence[NoteKey], report: Report
) -> None:
    """Check every stored line by the key of its witness; lines of witnesses that are pinned no more are counted."""
    by_size, by_name = {row.size: row for row in checkpoints}, {key.name: key for key in keys}
    for row in rows:
        report.cosignatures += 1
        checkpoint, key = by_size.get(row.size), by_name.get(row.witness)
        if checkpoint is None:
            report.add("ledger_cosignature", row.witness, row.size, "its checkpoint", "a row of this size", "no row")
        elif key is not None:
            _check_line(row, checkpoint, key, report)


def _check_line(row: StoredCosignature, checkpoint: StoredCheckpoint, key: NoteKey, report: Report) -> None:
    try:
        accept_line(parse_note(checkpoint.note).body, row.line, key)
    except InvalidCheckpoint as error:
        report.add("ledger_cosignature", row.witness, row.size, "the line", f"one signed by {key.name}", error)
