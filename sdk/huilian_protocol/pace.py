"""A bucket of calls in one process: up to ``burst`` at once, ``per_minute`` on average. For hub and edges alike."""

from __future__ import annotations

from datetime import datetime, timedelta

from huilian_protocol.clock import Clock

__all__ = ["Pace"]


class Pace:
    """Kept as the moment at which the bucket will be full again (GCRA): later than now by what is missing."""

    def __init__(self, per_minute: int, burst: int, clock: Clock) -> None:
        if per_minute < 1 or burst < 1:
            raise ValueError("a pace allows at least one call")
        self._interval = timedelta(minutes=1) / per_minute
        self._most = self._interval * burst
        self._clock = clock
        self._full_at: datetime | None = None

    def take(self) -> timedelta | None:
        """Take one call: None when it may go, else how long until one may."""
        now = self._clock.now()
        since = now if self._full_at is None else max(now, self._full_at)
        wait = since + self._interval - self._most - now
        if wait > timedelta(0):
            return wait
        self._full_at = since + self._interval
        return None
