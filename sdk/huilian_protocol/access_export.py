"""A person's access records for a period in one file that proves its own completeness; and the chain that makes it so.

Every chained record holds ``chain``: its ``sequence`` in the chain of its subject, from 1 without a gap, and the
commitment of the record before it (``previous``, empty for the first). A *period statement* is a chained record of the
hub about the chain: which sequences a period covers, how many, and the commitment of the last.

The file is canonical JSON, ``huilian-access-export/v1``. Its ``statement`` is a receipt (``huilian_protocol.receipt``);
all other records carry inclusion proofs for the tree of that receipt, which is later than all of them. ``neighbours``
are the records right before and right after the period, where there are any: their times show that the period was not
cut short. ``edge_counts`` are the edges' own signed counts, as far as they could be had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.record import SALT_BYTES
from huilian_protocol.strict import bytes_at, integer_at, list_at, object_with, text_at

__all__ = [
    "MAX_EXPORT_BYTES",
    "MAX_EXPORT_RECORDS",
    "AccessExport",
    "ExportedRecord",
    "Statement",
    "build_export",
    "chain_link",
    "parse_export",
    "read_chain_link",
    "read_statement",
    "subject_commitment",
]

TYPE = "huilian-access-export/v1"
STATEMENT_TYPE = "huilian-access-statement/v1"
MAX_EXPORT_RECORDS = 500
MAX_EXPORT_BYTES = 8 * 1024 * 1024
_MAX_PROOF_HASHES = 64
_MAX_EDGE_COUNTS = 500
_MAX_COUNT_CHARS = 262_144
_HASH_BYTES = 32
_MAX_SAFE = 2**53 - 1
_KEYS = ("edge_counts", "neighbours", "records", "statement", "subject", "type")
_RECORD_KEYS = ("evidence", "inclusion_proof", "leaf_index", "record", "salt")
_STATEMENT_KEYS = ("chain", "count", "first_sequence", "head", "last_sequence", "period", "subject", "type")


def chain_link(sequence: int, previous: bytes | None) -> dict[str, Any]:
    """What a chained record says of its place; ``previous`` is the commitment of the record before it."""
    return {"sequence": sequence, "previous": "" if previous is None else b64u_encode(previous)}


def read_chain_link(value: Any) -> tuple[int, bytes | None]:
    """Sequence and previous commitment of a ``chain`` object. Raises ``ValueError`` for anything else."""
    link = object_with(value, ("previous", "sequence"), "chain")
    sequence = integer_at(link, "sequence", 1, _MAX_SAFE)
    if sequence == 1:
        if link["previous"] != "":
            raise ValueError("the first record of a chain has none before it")
        return 1, None
    return sequence, bytes_at(link, "previous", _HASH_BYTES)


def subject_commitment(subject: str, salt: bytes) -> bytes:
    """SHA-256(salt || pseudonym): names a person to those only who are told the pseudonym."""
    if len(salt) != SALT_BYTES:
        raise ValueError("the salt is 32 bytes")
    return hashlib.sha256(salt + subject.encode("utf-8")).digest()


@dataclass(frozen=True, slots=True)
class Statement:
    """What the hub says of a period: from ``period_from``, before ``period_to``, by the log's own times.

    ``first_sequence`` to ``last_sequence`` are the records in it; without any, the first is one more than the last.
    ``head`` is the commitment of the record ``last_sequence``, None when the chain was still empty then.
    """

    commitment: bytes
    salt: bytes
    period_from: datetime
    period_to: datetime
    first_sequence: int
    last_sequence: int
    head: bytes | None

    @property
    def count(self) -> int:
        """How many records the period has."""
        return self.last_sequence - self.first_sequence + 1

    def to_content(self) -> dict[str, Any]:
        """The content of the ledger record, to which the log adds ``chain``."""
        return {
            "type": STATEMENT_TYPE,
            "subject": {"commitment": b64u_encode(self.commitment), "salt": b64u_encode(self.salt)},
            "period": {"from": format_time(self.period_from), "to": format_time(self.period_to)},
            "first_sequence": self.first_sequence,
            "last_sequence": self.last_sequence,
            "count": self.count,
            "head": "" if self.head is None else b64u_encode(self.head),
        }


def read_statement(content: Mapping[str, Any]) -> Statement:
    """The statement in a record's content. Raises ``ValueError`` for anything else or a count that does not fit."""
    value = object_with(dict(content), _STATEMENT_KEYS, "statement")
    if value["type"] != STATEMENT_TYPE:
        raise ValueError("another type than a period statement")
    subject = object_with(value["subject"], ("commitment", "salt"), "subject")
    period = object_with(value["period"], ("from", "to"), "period")
    last = integer_at(value, "last_sequence", 0, _MAX_SAFE)
    statement = Statement(
        commitment=bytes_at(subject, "commitment", _HASH_BYTES),
        salt=bytes_at(subject, "salt", SALT_BYTES),
        period_from=parse_time(text_at(period, "from")),
        period_to=parse_time(text_at(period, "to")),
        first_sequence=integer_at(value, "first_sequence", 1, last + 1),
        last_sequence=last,
        head=bytes_at(value, "head", _HASH_BYTES) if last else None,
    )
    if integer_at(value, "count", 0, _MAX_SAFE) != statement.count or (not last and value["head"] != ""):
        raise ValueError("the statement contradicts itself")
    return statement


@dataclass(frozen=True, slots=True)
class ExportedRecord:
    """One record with what proves that it is in the log."""

    record: Mapping[str, Any]
    salt: bytes
    evidence: Mapping[str, Any]
    leaf_index: int
    inclusion_proof: tuple[bytes, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "record": dict(self.record),
            "salt": b64u_encode(self.salt),
            "evidence": dict(self.evidence),
            "leaf_index": self.leaf_index,
            "inclusion_proof": [b64u_encode(item) for item in self.inclusion_proof],
        }


@dataclass(frozen=True, slots=True)
class AccessExport:
    """A parsed file; nothing of it is checked yet but its form. ``statement`` are the bytes of a receipt."""

    subject: str
    statement: bytes
    records: tuple[ExportedRecord, ...]
    neighbours: tuple[ExportedRecord, ...]
    edge_counts: tuple[str, ...]


def build_export(
    *,
    subject: str,
    statement: bytes,
    records: Sequence[ExportedRecord],
    neighbours: Sequence[ExportedRecord],
    edge_counts: Sequence[str],
) -> bytes:
    """The canonical bytes of a file; ``statement`` is the receipt of the period statement."""
    return canonicalise(
        {
            "type": TYPE,
            "subject": subject,
            "statement": parse_canonical(statement),
            "records": [record.to_dict() for record in records],
            "neighbours": [record.to_dict() for record in neighbours],
            "edge_counts": list(edge_counts),
        }
    )


def parse_export(data: bytes) -> AccessExport:
    """Read a file strictly. Raises :class:`HuilianError` RECEIPT_INVALID for anything that is not one."""
    try:
        if len(data) > MAX_EXPORT_BYTES:
            raise ValueError("too large")
        return _read(object_with(parse_canonical(data), _KEYS, "export"))
    except (ValueError, TypeError) as error:
        raise HuilianError("RECEIPT_INVALID", str(error)) from error


def _read(value: dict[str, Any]) -> AccessExport:
    if value["type"] != TYPE:
        raise ValueError("another type")
    counts = list_at(value, "edge_counts", _MAX_EDGE_COUNTS)
    if not all(isinstance(item, str) and len(item) <= _MAX_COUNT_CHARS for item in counts):
        raise ValueError("an edge's count is no text")
    return AccessExport(
        subject=text_at(value, "subject", most=64),
        statement=canonicalise(value["statement"]),
        records=tuple(_read_record(item) for item in list_at(value, "records", MAX_EXPORT_RECORDS)),
        neighbours=tuple(_read_record(item) for item in list_at(value, "neighbours", 2)),
        edge_counts=tuple(counts),
    )


def _read_record(raw: Any) -> ExportedRecord:
    value = object_with(raw, _RECORD_KEYS, "record")
    if not isinstance(value["record"], dict) or not isinstance(value["evidence"], dict):
        raise ValueError("record or evidence is no object")
    proof = [b64u_decode(item) for item in list_at(value, "inclusion_proof", _MAX_PROOF_HASHES)]
    if any(len(item) != _HASH_BYTES for item in proof):
        raise ValueError("a proof's hash is not 32 bytes long")
    return ExportedRecord(
        record=value["record"],
        salt=bytes_at(value, "salt", SALT_BYTES),
        evidence=value["evidence"],
        leaf_index=integer_at(value, "leaf_index", 0, _MAX_SAFE),
        inclusion_proof=tuple(proof),
    )
