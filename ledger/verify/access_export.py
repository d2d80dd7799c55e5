"""The checks of a person's access records for a period: nothing missing, nothing changed, all of it in the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from huilian_protocol.access_export import (
    MAX_EXPORT_RECORDS,
    AccessExport,
    ExportedRecord,
    Statement,
    parse_export,
    read_chain_link,
    read_statement,
    subject_commitment,
)
from huilian_protocol.clock import parse_time
from huilian_protocol.receipt import Receipt, parse_receipt
from huilian_protocol.record import commit_record
from huilian_protocol.trust import TrustAnchors

from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import verify_inclusion
from ledger.verify.edge_counts import compare_counts
from ledger.verify.evidence import check_evidence
from ledger.verify.receipt import check_receipt
from ledger.verify.verdict import Check, require, run_check

STATEMENT = "access-statement"
_TOLD = 20


def check_access_export(data: bytes, trust: TrustAnchors) -> tuple[Check, ...]:
    """Return all checks of such a file; when its form is wrong, that one only."""
    parsed: list[_Checks] = []

    def form() -> str:
        parsed.append(_Checks(parse_export(data), trust))
        return "canonical bytes with a statement and records in the forms that they must have"

    first = run_check("form", form)
    if not first.ok:
        return (first,)
    checks = parsed[0]
    statement = (
        Check(f"statement: {check.name}", check.ok, check.reason)
        for check in check_receipt(checks.export.statement, trust)
    )
    named = {
        "statement of the period": checks.stated,
        "no record missing": checks.contiguous,
        "every record commits to the one before": checks.linked,
        "the period was not cut short": checks.bounded,
        "every record in the log before the statement": checks.logged,
        "evidence of the records": checks.evidence,
        "counts by the edges": checks.edges,
    }
    return (first, *statement, *(run_check(name, check) for name, check in named.items()))


class _Checks:
    """The single checks; each looks up what it needs, so that one failure hides no other."""

    def __init__(self, export: AccessExport, trust: TrustAnchors) -> None:
        self.export, self._trust = export, trust
        self._receipt: Receipt = parse_receipt(export.statement)
        self._statement: Statement = read_statement(self._receipt.record["content"])
        self._place = read_chain_link(self._receipt.record["content"]["chain"])
        self._inside = [(_sequence(record), record) for record in export.records]
        self._around = [(_sequence(record), record) for record in export.neighbours]

    def stated(self) -> str:
        """The statement is one, about this person, made when the period was over."""
        statement, record = self._statement, self._receipt.record
        require(record["type"] == STATEMENT, "the receipt is not of a period statement")
        require(
            subject_commitment(self.export.subject, statement.salt) == statement.commitment,
            "the statement is about another person",
        )
        require(parse_time(record["recorded_at"]) >= statement.period_to, "made before the period was over")
        return f"{statement.count} records of {self.export.subject}, {_period(statement)}"

    def contiguous(self) -> str:
        """Exactly the stated sequences are there, each once."""
        statement = self._statement
        # Else a hub could have a verifier count to 2^53.
        require(statement.count <= MAX_EXPORT_RECORDS, "more records than a file can hold")
        counted = Counter(sequence for sequence, _ in self._inside)
        wanted = range(statement.first_sequence, statement.last_sequence + 1)
        faults = {
            "missing": [number for number in wanted if number not in counted],
            "shown twice": [number for number, times in counted.items() if times > 1],
            "not of this period": [number for number in counted if number not in wanted],
        }
        told = "; ".join(f"{name}: {_ranges(numbers)}" for name, numbers in faults.items() if numbers)
        require(not told, told)
        return f"records {_ranges(wanted)}" if statement.count else "the period has no records"

    def linked(self) -> str:
        """Every shown record commits to the one before it, and the statement to the last."""
        shown = [*self._inside, *self._around]
        commitments = {sequence: _commitment(record) for sequence, record in shown}
        broken = []
        for sequence, record in shown:
            _, previous = read_chain_link(record.record["content"]["chain"])
            if commitments.get(sequence - 1, previous) != previous:
                broken.append(sequence)
        require(not broken, f"these do not commit to the record before them: {_ranges(broken)}")
        self._check_head(commitments)
        return f"{len(shown)} records, and the statement holds the commitment of the last"

    def _check_head(self, commitments: dict[int, bytes]) -> None:
        last, head = self._statement.last_sequence, self._statement.head
        require(commitments.get(last, head) == head, f"record {last} is not the one that the statement names")
        sequence, previous = self._place
        require(sequence > last, "the statement stands before the end of its own period")
        if sequence == last + 1:
            require(previous == head, "the statement does not follow the record that it names as the last")

    def bounded(self) -> str:
        """Inside are times of the period only, and the records right before and after are outside it."""
        statement = self._statement
        outside = [sequence for sequence, record in self._inside if not _is_in(record, statement)]
        require(not outside, f"of another time: {_ranges(outside)}")
        before, after = statement.first_sequence - 1, statement.last_sequence + 1
        around = dict(self._around)
        require(len(around) == len(self._around), "a neighbour is shown twice")
        wanted = {number for number in (before, after) if 0 < number != self._place[0]}
        require(set(around) == wanted, f"the records around the period should be {_ranges(sorted(wanted))}")
        inside = [number for number, record in around.items() if _is_in(record, statement)]
        require(not inside, f"of the period, but left out of it: {_ranges(inside)}")
        return "the records next to it are of other times" if around else "nothing was recorded before or after it"

    def logged(self) -> str:
        """All proofs lead to the anchored root, and the statement comes after every record."""
        receipt, faults = self._receipt, []
        for sequence, record in [*self._inside, *self._around]:
            leaf = leaf_hash(_commitment(record))
            proof = (leaf, record.leaf_index, receipt.tree_size, record.inclusion_proof, receipt.anchor.root)
            in_log = run_check("", lambda proof=proof: _included(*proof))  # type: ignore[misc]
            if not in_log.ok or record.leaf_index >= receipt.leaf_index:
                faults.append(sequence)
        require(not faults, f"not in the log before the statement: {_ranges(faults)}")
        return f"all of them among the first {receipt.leaf_index} leaves"

    def evidence(self) -> str:
        """What each record carries as evidence is the recorded one and holds."""
        faults = []
        for sequence, record in self._inside:
            found = run_check("", lambda one=record: check_evidence(one.record, one.evidence, self._trust))  # type: ignore[misc]
            if not found.ok:
                faults.append(f"{sequence} ({found.reason})")
        require(not faults, "; ".join(faults[:_TOLD]))
        signed = sum(bool(record.evidence) for _, record in self._inside)
        return f"{signed} of {len(self._inside)} records carry an edge's signature"

    def edges(self) -> str:
        """No edge counted an answer or an action that is not shown here, nor the other way round."""
        contents = [(parse_time(r.record["recorded_at"]), r.record["content"]) for _, r in self._inside + self._around]
        period = self._statement.period_from, self._statement.period_to
        return compare_counts(self.export.edge_counts, contents, period, self._trust)


def _included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> str:
    verify_inclusion(leaf, index, size, proof, root)
    return ""


def _sequence(record: ExportedRecord) -> int:
    content: Any = record.record["content"]
    return read_chain_link(content["chain"])[0]


def _commitment(record: ExportedRecord) -> bytes:
    return commit_record(record.record, record.salt)


def _is_in(record: ExportedRecord, statement: Statement) -> bool:
    at: datetime = parse_time(record.record["recorded_at"])
    return statement.period_from <= at < statement.period_to


def _period(statement: Statement) -> str:
    return f"{statement.period_from:%Y-%m-%d %H:%M:%S} to {statement.period_to:%Y-%m-%d %H:%M:%S} UTC"


def _ranges(numbers: Iterable[int]) -> str:
    """The numbers as text, neighbours drawn together: "1, 4–7"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:_TOLD]]
    return ", ".join([*told, "…"] if len(runs) > _TOLD else told)
