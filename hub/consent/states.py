"""The life of a consent as a transition table.

A transition that is not in the table does not exist. Expiry is derived from the clock, not written by a
nightly job: `effective` says what a stored state means now.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from huilian_protocol.errors import HuilianError


class State(StrEnum):
    """Where a consent stands."""

    REQUESTED = "REQUESTED"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"


class Event(StrEnum):
    """What can happen to a consent."""

    GRANT = "grant"
    REJECT = "reject"
    REVOKE = "revoke"
    EXPIRE = "expire"
    EXHAUST = "exhaust"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.REQUESTED, Event.GRANT): State.GRANTED,
    (State.REQUESTED, Event.REJECT): State.REJECTED,
    (State.REQUESTED, Event.EXPIRE): State.EXPIRED,
    (State.GRANTED, Event.REVOKE): State.REVOKED,
    (State.GRANTED, Event.EXPIRE): State.EXPIRED,
    (State.GRANTED, Event.EXHAUST): State.EXHAUSTED,
    # Data that was read may still be kept by the recipient: withdrawing stays meaningful (PIPL article 15, 47).
    (State.EXHAUSTED, Event.REVOKE): State.REVOKED,
    (State.EXHAUSTED, Event.EXPIRE): State.EXPIRED,
}

# Why a consent in one of these states refuses every further step.
_REFUSALS: dict[State, str] = {
    State.REVOKED: "CONSENT_REVOKED",
    State.EXPIRED: "CONSENT_EXPIRED",
    State.EXHAUSTED: "CONSENT_EXHAUSTED",
}


def refusal(state: State, **params: object) -> HuilianError:
    """The error that says why a consent in this state does not do what is asked.

    CONSENT_REVOKED, CONSENT_EXPIRED, CONSENT_EXHAUSTED, or STATE_CONFLICT for any other state.
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
