"""Columns that keep the house rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.platform.fields import UtcDatetimeField

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 2, 12, 0, 0, 250, tzinfo=CHINA)


@pytest.mark.parametrize("stored", [NOON, str(NOON), NOON.astimezone(UTC), NOON.isoformat(), None])
def test_a_stored_time_is_read_in_utc(stored: datetime | str | None) -> None:
    read = UtcDatetimeField().to_python_value(stored)
    assert read == (None if stored is None else NOON)
    assert read is None or read.tzinfo is UTC


@pytest.mark.parametrize("naive", [datetime(2026, 3, 2), "2026-03-02 12:00:00", "not a time"])
def test_a_time_without_a_zone_is_refused(naive: datetime | str) -> None:
    with pytest.raises(ValueError):
        UtcDatetimeField().to_python_value(naive)


def test_what_is_written_is_read_again() -> None:
    field = UtcDatetimeField()
    assert field.to_python_value(str(field.to_db_value(NOON, None))) == NOON
