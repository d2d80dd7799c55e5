"""Keeps the court's newest good file: fetched once a day, verified, kept on disk, and honest about its age.

A day's file may be late, missing or damaged. Then the newest good one serves on, with its own date, until it is older
than `MAX_AGE_DAYS`; after that the source counts as down, because an old list could name somebody who was taken off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from connectors.gov_data.court_enforcement import wire
from connectors.kit.contract import UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnavailable
from connectors.kit.keys import write_private
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamHttp

logger = logging.getLogger(__name__)

MAX_AGE_DAYS = 3
# A missing file is asked for again after this pause, not at every read.
_PAUSE = timedelta(minutes=5)
Person = tuple[str, str]


class Loaded(NamedTuple):
    """A good file, ready to look people up by name and resident ID."""

    file: wire.DailyFile
    cases: Mapping[Person, tuple[wire.Case, ...]]


class DailyFiles:
    """The newest good file of one court."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context, self._http = context, http
        self._loaded: Loaded | None = None
        self._pause_until: datetime | None = None
        self._loading = asyncio.Lock()

    async def current(self) -> Loaded:
        """The newest good file, at most `MAX_AGE_DAYS` old; raises why today's could not be had when there is none."""
        async with self._loading:
            now = self._context.clock.now()
            today = now.astimezone(wire.CHINA).date()
            if self._is_due(today, now):
                await self._renew(today, now)
            if self._loaded is None or (today - self._loaded.file.day).days > MAX_AGE_DAYS:
                raise UpstreamUnavailable("the newest good file is too old")
            return self._loaded

    def _is_due(self, today: date, now: datetime) -> bool:
        if self._loaded is None:
            return True
        return self._loaded.file.day != today and (self._pause_until is None or now >= self._pause_until)

    async def _renew(self, today: date, now: datetime) -> None:
        """Load the newest day that is newer than what is loaded."""
        self._pause_until = now + _PAUSE
        first: UpstreamError | None = None
        for age in range(MAX_AGE_DAYS + 1):
            day = today - timedelta(days=age)
            if self._loaded is not None and day <= self._loaded.file.day:
                return
            try:
                self._loaded = _index(await self._load(day))
                return
            except UpstreamError as error:
                logger.warning("daily_file_unusable day=%s reason=%s", day, error)
                first = first or error
                if isinstance(error, UpstreamTimeout):
                    # Whoever is slow today is as slow about yesterday.
                    break
        if self._loaded is None and first is not None:
            raise first

    async def _load(self, day: date) -> wire.DailyFile:
        stored = self._context.state_dir / f"{day:%Y%m%d}.dat"
        if stored.exists():
            return self._open(day, stored.read_bytes(), stored.with_suffix(".sig").read_bytes())
        content = await self._get(wire.content_path(day))
        signature = await self._get(wire.signature_path(day))
        file = self._open(day, content, signature)
        write_private(stored.with_suffix(".sig"), signature)
        write_private(stored, content)
        _forget(self._context.state_dir, day - timedelta(days=MAX_AGE_DAYS))
        return file

    async def _get(self, path: str) -> bytes:
        headers = {wire.TOKEN_HEADER: self._context.credentials["token"]}
        answer = await self._http.get(path, headers, answers=(200, 404))
        if answer.status == 404:
            raise UpstreamUnavailable("the day's file is not published")
        return answer.body

    def _open(self, day: date, content: bytes, signature: bytes) -> wire.DailyFile:
        if not wire.is_signed(self._context.credentials["publisher_public_key"], content, signature):
            raise UpstreamMalformed("the file is not signed by the court")
        try:
            return wire.read(content, day)
        except ValueError as error:
            raise UpstreamMalformed(f"the file is damaged: {error}") from None


def _index(file: wire.DailyFile) -> Loaded:
    cases: dict[Person, list[wire.Case]] = {}
    for case in file.cases:
        cases.setdefault((case.name, case.resident_id), []).append(case)
    return Loaded(file, {person: tuple(found) for person, found in cases.items()})


def _forget(folder: Path, before: date) -> None:
    """Files that are too old to serve hold people's names for nothing."""
    for path in folder.glob("*.*"):
        if path.stem < f"{before:%Y%m%d}":
            path.unlink()
