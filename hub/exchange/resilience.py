"""What keeps one slow or broken connector from taking the hub with it: a bulkhead, a rate limit and a circuit breaker
each.

Only faults of the provider count against its breaker; a refusal of the caller's request is an answer, and a
connector that answers is healthy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from huilian_protocol.clock import Clock
from huilian_protocol.errors import Fault, HuilianError
from huilian_protocol.pace import Pace


@dataclass(frozen=True)
class Limits:
    """What one connector may cost the hub."""

    deadline_s: float = 8.0
    # Whoever waits for the catalogue waits for every connector.
    describe_deadline_s: float = 2.0
    attempts: int = 2
    concurrent_calls: int = 64
    calls_per_minute: int = 60_000
    burst: int = 5_000
    failures_to_open: int = 5
    open_for: timedelta = timedelta(seconds=10)


class Breaker(StrEnum):
    """CLOSED lets calls out, OPEN none, HALF_OPEN one at a time to see whether the connector is back."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class NotSent(HuilianError):
    """PROVIDER_UNAVAILABLE, known before anything was sent: asking again at once cannot help."""

    def __init__(self, connector: str, why: str) -> None:
        super().__init__("PROVIDER_UNAVAILABLE", why, provider=connector)


class Guard:
    """The bulkhead, the rate limit and the breaker of one connector."""

    def __init__(self, name: str, limits: Limits, clock: Clock) -> None:
        self._name, self._limits, self._clock = name, limits, clock
        self._pace = Pace(limits.calls_per_minute, limits.burst, clock)
        self._running = 0
        self._failures = 0
        self._opened_at: datetime | None = None
        self._probing = False

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Around one call; raises NotSent when it may not go out."""
        probe = self._enter()
        self._running += 1
        try:
            yield
        except HuilianError as error:
            self._settle(failed=error.entry.fault is Fault.PROVIDER)
            raise
        else:
            self._settle(failed=False)
        finally:
            self._running -= 1
            if probe:
                self._probing = False

    def _enter(self) -> bool:
        if self._running >= self._limits.concurrent_calls:
            raise NotSent(self._name, f"{self._running} calls are already running")
        if self._opened_at is None:
            self._keep_pace()
            return False
        if self._probing or self._clock.now() < self._opened_at + self._limits.open_for:
            raise NotSent(self._name, "its circuit is open")
        self._probing = True
        return True

    def _keep_pace(self) -> None:
        wait = self._pace.take()
        if wait is not None:
            raise NotSent(self._name, f"asked as often as allowed; again in {ceil(wait.total_seconds())} s")

    @property
    def breaker(self) -> Breaker:
        """Whether calls go out at present."""
        if self._opened_at is None:
            return Breaker.CLOSED
        waiting = self._clock.now() < self._opened_at + self._limits.open_for
        return Breaker.OPEN if waiting else Breaker.HALF_OPEN

    def _settle(self, failed: bool) -> None:
        if not failed:
            self._failures, self._opened_at = 0, None
            return
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._limits.failures_to_open:
            self._opened_at = self._clock.now()
