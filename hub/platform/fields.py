"""Column types that keep the house rules: time is UTC, exact numbers stay exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tortoise import fields


class UtcDatetimeField(fields.DatetimeField[datetime]):
    """A point in time. Accepts aware UTC values only: SQLite compares datetimes as text, so another offset sorts wrongly.

    Never filled by itself: the value comes from the injected clock. Raises ValueError for a naive or non-UTC value.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.pop("auto_now", False) or kwargs.pop("auto_now_add", False):
            raise ValueError("auto_now reads the real clock; pass the injected clock's time instead")
        super().__init__(**kwargs)

    def to_db_value(self, value: Any, instance: Any) -> Any:
        if isinstance(value, datetime):
            value = require_utc(value)
        return super().to_db_value(value, instance)

    def to_python_value(self, value: Any) -> datetime | None:
        read = super().to_python_value(value)
        return None if read is None else read.astimezone(UTC)


def require_utc(value: datetime) -> datetime:
    """The value with `datetime.UTC` as its zone. Raises ValueError when it is naive or carries another offset."""
    if value.utcoffset() != timedelta(0):
        raise ValueError("a stored time must be aware and in UTC")
    return value.astimezone(UTC)
