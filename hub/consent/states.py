"""The life of one version of a consent as a transition table.

A transition that is not in the table does not exist. Expiry is derived from the clock, not written by a
nightly job: `effective` says what a stored state means now. An amendment is a version of its own, with a life from
REQUESTED on; when it is granted, the version before it is SUPERSEDED.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from huilian_protocol.errors import HuilianError


class State(StrEnum):
    """Where a consent stands."""

    REQUESTED = "REQUESTED"
    GRANTED = "GRANTED"
    PAUSED = "PAUSED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    SUPERSEDED = "SUPERSEDED"


class Event(StrEnum):
    """What can happen to a consent."""

    GRANT = "grant"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    REVOKE = "revoke"
    REVOKE_DATASET = "revoke_dataset"
    EXPIRE = "expire"
    EXHAUST = "exhaust"
    SUPERSEDE = "supersede"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.REQUESTED, Event.GRANT): State.GRANTED,
    (State.REQUESTED, Event.REJECT): State.REJECTED,
    (State.REQUESTED, Event.EXPIRE): State.EXPIRED,
    (State.GRANTED, Event.PAUSE): State.PAUSED,
    (State.GRANTED, Event.REVOKE): State.REVOKED,
    (State.GRANTED, Event.REVOKE_DATASET): State.GRANTED,
    (State.GRANTED, Event.EXPIRE): State.EXPIRED,
    (State.GRANTED, Event.EXHAUST): State.EXHAUSTED,
    (State.GRANTED, Event.SUPERSEDE): State.SUPERSEDED,
    # Stopping for good is open from wherever something could still be read or kept (PIPL articles 15 and 47).
    (State.PAUSED, Event.RESUME): State.GRANTED,
    (State.PAUSED, Event.REVOKE): State.REVOKED,
    (State.PAUSED, Event.REVOKE_DATASET): State.PAUSED,
    (State.PAUSED, Event.EXPIRE): State.EXPIRED,
    (State.EXHAUSTED, Event.REVOKE): State.REVOKED,
    (State.EXHAUSTED, Event.EXPIRE): State.EXPIRED,
    # More reads take a new signature, so a used-up consent may be amended; a paused one is resumed first.
    (State.EXHAUSTED, Event.SUPERSEDE): State.SUPERSEDED,
}

# Why a consent in one of these states refuses every further step.
_REFUSALS: dict[State, str] = {
    State.REVOKED: "CONSENT_REVOKED",
    State.EXPIRED: "CONSENT_EXPIRED",
    State.EXHAUSTED: "CONSENT_EXHAUSTED",
    State.PAUSED: "CONSENT_PAUSED",
}


def refusal(state: State, **params: object) -> HuilianError:
    """The error that says why a consent in this state does not do what is asked.

    CONSENT_REVOKED, CONSENT_EXPIRED, CONSENT_EXHAUSTED, CONSENT_PAUSED, or STATE_CONFLICT for any other state.
    """
    return HuilianError(_REFUSALS.get(state, "STATE_CONFLICT"), f"the consent is {state}", state=state, **params)


def after(state: State, event: Event, **params: object) -> State:
    """The state that follows; raises `refusal` when the table has no such step."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise refusal(state, **params)
    return following


def effective(state: State, valid_until: datetime, now: datetime) -> State:
    """What a stored state means at `now`: a live consent past its end is expired."""
    if now >= valid_until and (state, Event.EXPIRE) in TRANSITIONS:
        return TRANSITIONS[(state, Event.EXPIRE)]
    return state
