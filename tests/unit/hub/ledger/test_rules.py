"""What comes next for a claim, and what a logged record holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from huilian_protocol.canonical import b64u_encode, sha256_canonical

from hub.ledger.claims.rules import ClaimStep, next_step, owner_commitment
from hub.ledger.rules import logged_record, pack_body, unpack_body
from ledger.contract.calls import Lock, LockState

HUB, OTHER = 1, 2
OURS = owner_commitment("claim-1", bytes(32))
NOW = 1_800_000_000
FREE = Lock(0, LockState.FREE, 0, bytes(22))


def _lock(state: LockState, *, owner: int = HUB, commitment: bytes = OURS, expiry: int = 0) -> Lock:
    return Lock(owner, state, expiry, commitment)


RESERVED = _lock(LockState.RESERVED, expiry=NOW + 1)
EXPIRED = _lock(LockState.RESERVED, expiry=NOW)
FINANCED = _lock(LockState.FINANCED)
RELEASED = _lock(LockState.RELEASED)
THEIRS = _lock(LockState.RESERVED, owner=OTHER, expiry=NOW + 1)
THEIRS_EXPIRED = _lock(LockState.RESERVED, owner=OTHER, expiry=NOW)
THEIRS_FINANCED = _lock(LockState.FINANCED, owner=OTHER)
OTHER_CLAIM = _lock(LockState.FINANCED, commitment=owner_commitment("claim-2", bytes(32)))
COPIED = _lock(LockState.FINANCED, owner=OTHER, commitment=OURS)


@pytest.mark.parametrize(
    ("locks", "step"),
    [
        ([FREE, FREE], ClaimStep.RESERVE),
        ([RESERVED, RESERVED], ClaimStep.FINANCE),
        ([FINANCED, FINANCED], ClaimStep.DONE),
        ([EXPIRED, EXPIRED], ClaimStep.RESERVE),
        ([RELEASED, RELEASED], ClaimStep.RESERVE),
        ([RELEASED, FREE], ClaimStep.RESERVE),
        ([THEIRS_EXPIRED, FREE], ClaimStep.RESERVE),
        ([THEIRS, FREE], ClaimStep.REFUSED),
        ([FREE, THEIRS_FINANCED], ClaimStep.REFUSED),
        ([RESERVED, THEIRS], ClaimStep.REFUSED),
        ([OTHER_CLAIM, FREE], ClaimStep.REFUSED),
        ([COPIED, FREE], ClaimStep.REFUSED),
    ],
)
def test_the_next_step_follows_from_all_locks(locks: list[Lock], step: ClaimStep) -> None:
    assert next_step(locks, HUB, OURS, NOW).step is step


def test_a_record_holds_its_place_time_and_the_hash_of_its_evidence() -> None:
    at = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    record = logged_record("receivable.confirmed", "confirmation:1", {"amount_fen": 5}, {"signature": "x"}, at)
    assert record == {
        "type": "receivable.confirmed",
        "id": "confirmation:1",
        "recorded_at": "2026-03-02T02:00:00Z",
        "content": {"amount_fen": 5},
        "evidence_sha256": b64u_encode(sha256_canonical({"signature": "x"})),
    }
    assert unpack_body(pack_body(record, b"\1" * 32, {"signature": "x"})) == (record, b"\1" * 32, {"signature": "x"})


def test_owner_commitments_hide_and_separate_claims() -> None:
    assert owner_commitment("claim-1", bytes(32)) != owner_commitment("claim-1", b"\1" * 32)
    assert owner_commitment("claim-1", bytes(32)) != owner_commitment("claim-2", bytes(32))
