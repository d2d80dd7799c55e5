"""The life of a consent: every pair of state and event is either in the table or refused with its code."""

from datetime import UTC, datetime, timedelta

import pytest
from huilian_protocol.errors import HuilianError

from hub.consent.states import TRANSITIONS, Event, State, after, effective, refusal

CODES = ("STATE_CONFLICT", "CONSENT_REVOKED", "CONSENT_EXPIRED", "CONSENT_EXHAUSTED", "CONSENT_PAUSED")
END = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[(state, event)]
        return
    with pytest.raises(HuilianError) as refused:
        after(state, event)
    assert refused.value.code in set(CODES)


@pytest.mark.parametrize("ended", [State.REJECTED, State.REVOKED, State.EXPIRED, State.SUPERSEDED])
def test_nothing_leaves_an_ended_consent(ended: State) -> None:
    assert not [event for event in Event if (ended, event) in TRANSITIONS]


def test_expiry_is_derived_at_the_exact_end() -> None:
    just_before = END - timedelta(microseconds=1)
    assert effective(State.GRANTED, END, just_before) is State.GRANTED
    assert effective(State.GRANTED, END, END) is State.EXPIRED
    assert effective(State.REQUESTED, END, END) is State.EXPIRED
    assert effective(State.REVOKED, END, END) is State.REVOKED


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.REQUESTED, "STATE_CONFLICT"),
        (State.REJECTED, "STATE_CONFLICT"),
        (State.REVOKED, "CONSENT_REVOKED"),
        (State.EXPIRED, "CONSENT_EXPIRED"),
        (State.EXHAUSTED, "CONSENT_EXHAUSTED"),
        (State.PAUSED, "CONSENT_PAUSED"),
        (State.SUPERSEDED, "STATE_CONFLICT"),
    ],
)
def test_each_state_says_why_it_refuses(state: State, code: str) -> None:
    assert refusal(state).code == code
