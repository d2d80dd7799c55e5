"""Rules of the ledger without any I/O: what a record holds and who may read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.clock import format_time


class LedgerMismatch(Exception):
    """Log and chain, log and tiles, or log and witnesses contradict each other: the hub must not run. The text says
    how.
    """


def logged_record(
    record_type: str, record_id: str, content: Mapping[str, Any], evidence: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """Return the record that is committed to: the caller's content with its place, time and the hash of its evidence.

    With that hash inside the leaf, evidence in a receipt cannot be exchanged for other evidence.
    """
    return {
        "type": record_type,
        "id": record_id,
        "recorded_at": format_time(at),
        "content": dict(content),
        "evidence_sha256": b64u_encode(sha256_canonical(dict(evidence))),
    }


def pack_body(record: Mapping[str, Any], salt: bytes, evidence: Mapping[str, Any]) -> bytes:
    """Return the readable copy that is stored beside the commitment."""
    return canonicalise({"record": dict(record), "salt": b64u_encode(salt), "evidence": dict(evidence)})


Body = tuple[dict[str, Any], bytes, dict[str, Any]]
"""Record, salt and evidence."""


def unpack_body(body: bytes) -> Body:
    """Return record, salt and evidence of a readable copy."""
    value = parse_canonical(body)
    return value["record"], b64u_decode(value["salt"]), value["evidence"]


def is_party(content: Mapping[str, Any], reader: str) -> bool:
    """Tell whether a trade's record is for this reader: only if it lists the reader among its `parties`."""
    return reader in content.get("parties", ())
