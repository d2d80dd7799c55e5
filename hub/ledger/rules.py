"""Rules of the ledger without any I/O: what a record holds and what comes next for a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.clock import format_time

from hub.ledger.disclosure_rules import commitment_of, disclosure_key
from ledger.contract.calls import Lock, LockState


class LedgerMismatch(Exception):
    """Log and chain, log and tiles, or log and witnesses contradict each other: the hub must not run. The text says
    how.
    """


class ClaimState(StrEnum):
    """State of a claim in the hub. Only FINANCED allows money to leave."""

    PENDING = "PENDING"
    FINANCED = "FINANCED"
    REFUSED = "REFUSED"
    RELEASED = "RELEASED"


LIVE = (ClaimState.PENDING.value, ClaimState.FINANCED.value)
"""States in which a claim needs the hub's lock."""


class HoldState(StrEnum):
    """State of the hub's lock on one invoice."""

    WANTED = "WANTED"
    RELEASING = "RELEASING"
    RELEASED = "RELEASED"


class ClaimStep(StrEnum):
    """What the chain's locks ask for next."""

    RESERVE = "reserve"
    FINANCE = "finance"
    DONE = "done"
    REFUSED = "refused"


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


def owner_commitment(hold_id: str, salt: bytes) -> bytes:
    """Return what the chain shows of a lock's owner: 22 bytes that only who knows the salt can tie to a hold.

    It is the hash of the key to which another bank can seal a notice of a conflict.
    """
    return commitment_of(disclosure_key(hold_id, salt).public)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next, with the places of the fingerprints to do it to; on a refusal those of others' locks."""

    step: ClaimStep
    places: tuple[int, ...]


def next_step(locks: Sequence[Lock], hub: int, commitment: bytes, now: int) -> NextStep:
    """Say what a hold needs, from the locks of all its fingerprints; `hub` is our number, `now` in Unix seconds.

    Our own lock of an earlier, interrupted run counts as success. A lock of anyone else, and one of ours under
    another commitment, is a refusal. Of a hold that got further fingerprints (a new epoch) only those are missing.
    """
    mine = [(lock.owner, lock.owner_commitment) == (hub, commitment) for lock in locks]
    held = [lock.blocks(now) for lock in locks]
    foreign = tuple(at for at, lock in enumerate(locks) if held[at] and not mine[at])
    if foreign:
        return NextStep(ClaimStep.REFUSED, foreign)
    missing = tuple(at for at in range(len(locks)) if not held[at])
    if missing:
        return NextStep(ClaimStep.RESERVE, missing)
    reserved = tuple(at for at, lock in enumerate(locks) if lock.state is LockState.RESERVED)
    return NextStep(ClaimStep.FINANCE, reserved) if reserved else NextStep(ClaimStep.DONE, ())
