"""Column types that keep the house rules: time is UTC, exact numbers stay exact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tortoise import fields, models

# Tortoise looks for descriptions of columns in comments and parses every model for it, a fifth of the start of a hub.
# Ours have none.
models._get_comments = lambda cls: {}


class UtcDatetimeField(fields.DatetimeField[datetime]):
    """A point in time, stored in UTC: SQLite compares datetimes as text, so another offset would sort wrongly.

    Never filled by itself: the value comes from the injected clock. Raises ValueError for a naive value.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.pop("auto_now", False) or kwargs.pop("auto_now_add", False):
            raise ValueError("auto_now reads the real clock; pass the injected clock's time instead")
        super().__init__(**kwargs)

    def to_db_value(self, value: Any, instance: Any) -> Any:
        return super().to_db_value(in_utc(value) if isinstance(value, datetime) else value, instance)

    def to_python_value(self, value: Any) -> datetime | None:
        if isinstance(value, str):
            # SQLite's text is in ISO 8601, which Python reads sixty times faster than Tortoise's own parser.
            value = datetime.fromisoformat(value)
        return None if value is None else in_utc(value)


def in_utc(value: datetime) -> datetime:
    """The same instant with `datetime.UTC` as its zone. Raises ValueError when it is naive: nobody knows which
    instant that is.
    """
    if value.utcoffset() is None:
        raise ValueError("a stored time must be aware; pass it in UTC")
    return value.astimezone(UTC)
