"""Cursors: opaque to hubs, exact for us."""

from __future__ import annotations

import datetime as dt

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from connectors.core_enterprise.tryton.connector import decode_cursor, encode_cursor
from connectors.core_enterprise.tryton.queries import START, Kind, Position

POSITIONS = st.builds(
    Position,
    st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)),
    st.sampled_from(Kind),
    st.integers(0, 10**12),
)


@given(POSITIONS)
def test_round_trip(position: Position) -> None:
    cursor = encode_cursor(position)
    assert decode_cursor(cursor) == position
    assert len(cursor) <= 256


def test_empty_cursor_is_the_start() -> None:
    assert decode_cursor("") == START


@pytest.mark.parametrize(
    "cursor",
    ["0", "1.5.3", "1.5.6.1", "2.5.3.1", "1.-5.3.1", "1.5.3.1 ", "1.5.3.1\n", "1." + "9" * 30 + ".1.1", "١.5.3.1"],
)
def test_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(HuilianError) as caught:
        decode_cursor(cursor)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.params == {"field": "cursor"}
