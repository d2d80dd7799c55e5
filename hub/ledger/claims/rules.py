"""What comes next for a claim: read from the chain's locks alone, without any I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.ledger.conflicts.rules import commitment_of, disclosure_key
from ledger.contract.calls import Lock, LockState


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


class Deed(StrEnum):
    """What a transaction does to each of its claims."""

    RESERVE = "reserve"
    FINANCE = "finance"
    RELEASE = "release"


class ClaimStep(StrEnum):
    """What the chain's locks ask for next."""

    RESERVE = "reserve"
    FINANCE = "finance"
    DONE = "done"
    REFUSED = "refused"


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
