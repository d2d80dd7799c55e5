"""The bucket of calls of one process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.pace import Pace
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_burst_then_the_rate() -> None:
    clock = FixedClock(START)
    pace = Pace(per_minute=6, burst=3, clock=clock)
    assert [pace.take() for _ in range(4)] == [None, None, None, timedelta(seconds=10)]
    clock.advance(timedelta(seconds=9))
    assert pace.take() == timedelta(seconds=1)
    clock.advance(timedelta(seconds=1))
    assert (pace.take(), pace.take()) == (None, timedelta(seconds=10))


def test_a_pace_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Pace(per_minute=0, burst=1, clock=FixedClock(START))


@given(st.integers(1, 600), st.integers(1, 20), st.lists(st.integers(0, 2_000), min_size=1, max_size=80))
def test_no_window_has_more_than_burst_and_rate(per_minute: int, burst: int, pauses_ms: Sequence[int]) -> None:
    clock = FixedClock(START)
    pace, passed = Pace(per_minute, burst, clock), []
    for pause_ms in pauses_ms:
        clock.advance(timedelta(milliseconds=pause_ms))
        if pace.take() is None:
            passed.append(clock.now())
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = burst + (passed[last] - passed[first]) / timedelta(minutes=1) * per_minute
            assert last - first + 1 <= allowed + 1e-3


@given(st.integers(1, 6_000), st.integers(1, 20), st.integers(1, 60))
def test_whoever_keeps_to_the_rate_is_never_refused(per_minute: int, burst: int, calls: int) -> None:
    clock = FixedClock(START)
    pace = Pace(per_minute, burst, clock)
    for _ in range(calls):
        assert pace.take() is None
        clock.advance(timedelta(minutes=1) / per_minute + timedelta(microseconds=1))
