"""Clocks and the one text form of an instant.

Nothing below a composition root reads the real clock: it takes a :class:`Clock`. Instants are aware datetimes in UTC;
their canonical text is RFC 3339 with whole seconds and ``Z``.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from huilian_protocol.canonical import parse_json
from huilian_protocol.stamp import Stamp, stamp_of

__all__ = ["Clock", "FixedClock", "SandboxClock", "SystemClock", "format_time", "parse_time"]

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, now: datetime) -> None:
        if now.utcoffset() != timedelta(0):
            raise ValueError("a clock needs an aware datetime in UTC")
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock by ``by``."""
        self._now += by


class SandboxClock:
    """Real time plus an offset that a JSON file holds: ``{"offset_seconds": 86400}``.

    All processes of a sandbox share the file, so one write moves all of them. The file is read again when its
    modification time, size or inode changes; without a file the offset is 0.
    """

    def __init__(self, path: Path | str) -> None:
        self._path, self._name = Path(path), str(path)
        self._seen: Stamp | None = None
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """How far this clock is ahead of real time."""
        mark = stamp_of(self._name)
        if mark is None:
            self._seen, self._offset = None, timedelta(0)
            return self._offset
        if mark != self._seen:
            self._offset = timedelta(seconds=int(parse_json(self._path.read_bytes())["offset_seconds"]))
            self._seen = mark
        return self._offset

    def set_offset(self, offset: timedelta) -> None:
        """Move this and every other clock on the same file. Written beside and renamed: a reader never sees half a
        file.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(json.dumps({"offset_seconds": int(offset.total_seconds())}), "utf-8")
        fresh.replace(self._path)


def format_time(instant: datetime) -> str:
    """``2026-01-31T08:00:00Z``; fractions of a second are cut off. Raises ``ValueError`` for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parse_time(text: str) -> datetime:
    """The instant of a text that :func:`format_time` made. Raises ``ValueError`` for any other form."""
    if not _TIME.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with whole seconds and Z")
    return datetime.fromisoformat(text)
