"""A person's chain of access records in a log of its own, and the export files that can be made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.access_export import (
    ExportedRecord,
    Statement,
    build_export,
    chain_link,
    subject_commitment,
)
from huilian_protocol.answer_count import AnswerCount, CountedAction, CountedAnswer, sign_answer_count
from huilian_protocol.canonical import b64u_encode, sha256_canonical
from huilian_protocol.clock import format_time
from huilian_protocol.receipt import build_receipt
from huilian_protocol.record import commit_record

from tests.unit.ledger import naive_tree
from tests.unit.ledger.receipt_world import SALT, SIGNER, anchor, transaction
from tests.unit.protocol import world

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
CONSENT, DATASET, AGENCY = "consent-00000001", "housing_fund.account/v1", "housing_fund"
ACTION = "housing_fund.withdraw/v1"
EDGE_KEY: ec.EllipticCurvePrivateKey = world.STRANGER


def time_of(sequence: int) -> datetime:
    """Record n is of minute n."""
    return START + timedelta(minutes=sequence)


def _logged(kind: str, name: str, content: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "type": kind,
        "id": f"{kind}:{name}",
        "recorded_at": format_time(at),
        "content": content,
        "evidence_sha256": b64u_encode(sha256_canonical({})),
    }


@dataclass
class Chain:
    """`length` records, one a minute, then the statement over the sequences `first` to `last`."""

    length: int
    first: int = 1
    last: int = 0
    subject: str = world.SUBJECT
    stated: dict[str, Any] = field(default_factory=dict)
    # Sequence → outcome of those records that are of an action.
    acted: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last = self.last or self.length
        self.records: list[dict[str, Any]] = []
        previous = None
        for sequence in range(1, self.length + 1):
            content = {
                "consent_id": CONSENT,
                "request_id": f"request-{sequence:08d}",
                "agency": AGENCY,
                "dataset": DATASET,
                "outcome": "DELIVERED",
                "chain": chain_link(sequence, previous),
            }
            if sequence in self.acted:
                del content["dataset"]
                content |= {"action": ACTION, "outcome": self.acted[sequence]}
            self.records.append(_logged("access", f"{sequence:08d}", content, time_of(sequence)))
            previous = commit_record(self.records[-1], SALT)
        self.statement = self._statement(previous)
        # Somebody else's records lie between.
        self.leaves = [leaf for record in self.records for leaf in (b"\x01" * 32, commit_record(record, SALT))]
        self.leaves.append(commit_record(self.statement, SALT))

    def _statement(self, previous: bytes | None) -> dict[str, Any]:
        head = commit_record(self.records[self.last - 1], SALT) if self.last else None
        until = time_of(self.last) + timedelta(seconds=30)
        start = time_of(self.first) - timedelta(seconds=30)
        salt, commitment = bytes(32), subject_commitment(self.subject, bytes(32))
        stated = Statement(commitment, salt, start, until, self.first, self.last, head)
        content = {**stated.to_content(), **self.stated, "chain": chain_link(self.length + 1, previous)}
        return _logged("access-statement", "request-1", content, time_of(self.length + 1))

    def exported(self, sequence: int) -> ExportedRecord:
        """One record with its proof."""
        index = 2 * sequence - 1
        return ExportedRecord(self.records[sequence - 1], SALT, {}, index, tuple(naive_tree.path(index, self.leaves)))

    def receipt(self) -> bytes:
        """The statement's receipt."""
        root, size = naive_tree.root(self.leaves), len(self.leaves)
        return build_receipt(
            world.HUB,
            record=self.statement,
            salt=SALT,
            leaf_index=size - 1,
            tree_size=size,
            inclusion_proof=naive_tree.path(size - 1, self.leaves),
            checkpoint=SIGNER.sign(size, root),
            anchor=anchor(transaction(root, size), root, size=size),
            evidence={},
        )

    def neighbours(self) -> list[int]:
        """The sequences right before and after the period."""
        return [number for number in (self.first - 1, self.last + 1) if 1 <= number <= self.length]

    def export(self, **changes: Any) -> bytes:
        """The honest file, but for `changes`."""
        parts: dict[str, Any] = {
            "subject": self.subject,
            "statement": self.receipt(),
            "records": [self.exported(number) for number in range(self.first, self.last + 1)],
            "neighbours": [self.exported(number) for number in self.neighbours()],
            "edge_counts": [],
        }
        return build_export(**{**parts, **changes})

    def count(
        self, *sequences: int, extra: tuple[CountedAnswer, ...] = (), actions: tuple[CountedAction, ...] = ()
    ) -> str:
        """What the edge would sign after answering these and doing those."""
        answers = tuple(CountedAnswer(f"request-{n:08d}", DATASET, time_of(n)) for n in sequences)
        as_of = time_of(self.length + 2)
        return sign_answer_count(EDGE_KEY, AnswerCount(AGENCY, CONSENT, as_of, (*answers, *extra), actions))
