"""Tickets for reports that are not ready yet, one small file each: they survive a restart and hold no personal data."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock, format_time, parse_time

from connectors.kit.keys import write_private

# The bureau keeps a finished report for a day.
LIFE = timedelta(hours=24)
_TICKET = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


def is_ticket(value: object) -> bool:
    """Whether this can be a ticket: it becomes part of a path, so nothing else may."""
    return isinstance(value, str) and _TICKET.fullmatch(value) is not None


class Tickets:
    """The tickets of one connector, by our own number of the request."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        folder.mkdir(exist_ok=True, mode=0o700)
        for path in folder.glob("*.json"):
            self._read(path)

    async def get(self, number: str) -> str | None:
        """The ticket for this request, unless the bureau has dropped it by now."""
        return await asyncio.to_thread(self._read, self._path(number))

    async def keep(self, number: str, ticket: str) -> None:
        """Remember a ticket; on disk when this returns."""
        content = {"submitted_at": format_time(self._now()), "ticket": ticket}
        await asyncio.to_thread(write_private, self._path(number), canonicalise(content))

    async def drop(self, number: str) -> None:
        """Forget a ticket that was served or is no good."""
        await asyncio.to_thread(self._path(number).unlink, True)

    def _path(self, number: str) -> Path:
        return self._folder / f"{number}.json"

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    def _read(self, path: Path) -> str | None:
        """The ticket in this file; a file that is too old or damaged is removed."""
        if not path.exists():
            return None
        try:
            value = parse_json(path.read_bytes())
            if self._now() - parse_time(value["submitted_at"]) < LIFE and is_ticket(value["ticket"]):
                return str(value["ticket"])
        except (ValueError, KeyError, TypeError):
            pass
        path.unlink(missing_ok=True)
        return None
