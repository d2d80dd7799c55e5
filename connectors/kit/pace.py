"""How much an edge asks of its agency: so many questions at once, so many a minute, whatever hubs want."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.pace import Pace
from pydantic import BaseModel, ConfigDict, Field


class AgencyLimits(BaseModel):
    """What the manifest's `agency_limits` says; an agency that can take less states less."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_once: int = Field(default=128, ge=1, le=4_096)
    per_minute: int = Field(default=60_000, ge=1, le=1_000_000)
    burst: int = Field(default=5_000, ge=1, le=1_000_000)


class AgencyPace:
    """The bulkhead and the rate limit in front of one agency."""

    def __init__(self, limits: AgencyLimits, clock: Clock) -> None:
        self._limits, self._pace = limits, Pace(limits.per_minute, limits.burst, clock)
        self._running = 0

    @contextmanager
    def question(self) -> Iterator[None]:
        """Around one question. Raises RATE_LIMITED before anything is asked."""
        if self._running >= self._limits.at_once:
            raise HuilianError("RATE_LIMITED", "the agency answers as many as it can", retry_after_seconds=1)
        wait = self._pace.take()
        if wait is not None:
            seconds = ceil(wait.total_seconds())
            raise HuilianError("RATE_LIMITED", "the agency is asked as often as it allows", retry_after_seconds=seconds)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
