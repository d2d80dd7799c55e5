"""The table of a registration's life, and who ranks first (Civil Code §768)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.registrations.states import (
    LIVE,
    TRANSITIONS,
    Interest,
    RegistrationEvent,
    RegistrationState,
    next_state,
    ranked,
    shares,
)

S = RegistrationState
DAY = datetime(2026, 3, 1, tzinfo=UTC)
times = st.none() | st.integers(0, 3).map(lambda hours: DAY + timedelta(hours=hours))
interest = st.builds(
    Interest,
    holder=st.uuids().map(str),
    lent_fen=st.integers(0, 10**9),
    registered_at=times,
    notified_at=times,
)
interests = st.lists(interest, max_size=8, unique_by=lambda item: item.holder)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(RegistrationState, RegistrationEvent)))
def test_a_registration_moves_by_the_table_only(state: RegistrationState, event: RegistrationEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(HuilianError) as refusal:
        next_state(state, event)
    assert (refusal.value.code, refusal.value.params["state"]) == ("STATE_CONFLICT", state.value)


def test_it_is_searched_before_it_is_registered_and_every_life_ends() -> None:
    before = {state for (state, event), after in TRANSITIONS.items() if after is S.REGISTERED}
    assert before == {S.QUERIED}
    ends = {S.CONFLICTED, S.DEREGISTERED}
    assert ends == set(RegistrationState) - {state for state, _ in TRANSITIONS}
    assert all(next_state(state, RegistrationEvent.RELEASE) is S.RELEASING for state in LIVE)


@given(interests)
def test_registered_goes_first_by_time_then_told_by_time_then_the_rest(items: list[Interest]) -> None:
    order = [item for group in ranked(items) for item in group]
    assert sorted(order, key=lambda item: item.holder) == sorted(items, key=lambda item: item.holder)
    for earlier, later in itertools.pairwise(order):
        if later.registered_at is not None:
            assert earlier.registered_at is not None and earlier.registered_at <= later.registered_at
        elif earlier.registered_at is None and later.notified_at is not None:
            assert earlier.notified_at is not None and earlier.notified_at <= later.notified_at


@given(st.integers(0, 10**10), interests)
def test_every_fen_goes_somewhere_and_nobody_gets_more_than_it_lent(amount: int, items: list[Interest]) -> None:
    given_fen = shares(amount, items)
    assert sum(given_fen.values()) == min(amount, sum(item.lent_fen for item in items))
    assert all(0 <= given_fen[item.holder] <= item.lent_fen for item in items)


@given(st.integers(0, 10**10), interests)
def test_a_later_group_gets_nothing_before_the_earlier_is_whole(amount: int, items: list[Interest]) -> None:
    given_fen = shares(amount, items)
    groups = ranked(items)
    for earlier, later in itertools.pairwise(groups):
        if any(given_fen[item.holder] for item in later):
            assert all(given_fen[item.holder] == item.lent_fen for item in earlier)


def test_neither_registered_nor_told_shares_in_proportion() -> None:
    assert shares(100, [Interest("a", 300), Interest("b", 100)]) == {"a": 75, "b": 25}
    assert shares(101, [Interest("a", 200), Interest("b", 100)]) == {"a": 68, "b": 33}
    first = Interest("late", 80, notified_at=DAY)
    assert shares(100, [Interest("a", 300), first, Interest("reg", 10, registered_at=DAY)]) == {
        "a": 10,
        "late": 80,
        "reg": 10,
    }
