"""Clocks and the text of an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock, SandboxClock, SystemClock, format_time, parse_time
from hypothesis import given
from hypothesis import strategies as st


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_times_read_back_to_the_second(instant: datetime) -> None:
    assert parse_time(format_time(instant)) == instant.replace(microsecond=0)


def test_times_are_written_in_utc() -> None:
    assert format_time(datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))) == "2026-01-01T00:00:00Z"
    with pytest.raises(ValueError):
        format_time(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01 00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00Z\n",
        "２026-01-01T00:00:00Z",
    ],
)
def test_other_spellings_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_a_fixed_clock_moves_only_by_hand() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(days=1))
    assert clock.now() == clock.now() == datetime(2026, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError):
        FixedClock(datetime(2026, 1, 1))


def test_sandbox_clocks_on_one_file_move_together(tmp_path: Path) -> None:
    one, other = SandboxClock(tmp_path / "clock.json"), SandboxClock(tmp_path / "clock.json")
    assert abs(one.now() - SystemClock().now()) < timedelta(seconds=5)
    for days in (180, 181, 18):
        one.set_offset(timedelta(days=days))
        assert other.offset() == one.offset() == timedelta(days=days)
    (tmp_path / "clock.json").unlink()
    assert other.offset() == timedelta(0)
