"""Buckets of calls in the memory of one process: for a process that has no database."""

from __future__ import annotations

from hub.platform.rate_buckets import Lease
from hub.platform.rates import Bucket


class MemoryBuckets:
    """Implements `Buckets` with the arithmetic of `RateBuckets`. A restart fills all of them."""

    def __init__(self) -> None:
        self.full_at_us: dict[str, int] = {}

    async def take(self, bucket: Bucket, wanted: int, now_us: int) -> Lease:
        """See `Buckets`."""
        interval = bucket.rate.interval_us
        since = max(now_us, self.full_at_us.get(bucket.name, 0))
        wanted = min(wanted, bucket.rate.burst)
        granted = max(0, min(wanted, (now_us + interval * bucket.rate.burst - since) // interval))
        self.full_at_us[bucket.name] = since + granted * interval
        wait_us = 0 if granted else since + interval - interval * bucket.rate.burst - now_us
        return Lease(granted, wait_us)

    async def forget_full(self, now_us: int) -> int:
        """See `Buckets`."""
        full = [name for name, at_us in self.full_at_us.items() if at_us <= now_us]
        for name in full:
            del self.full_at_us[name]
        return len(full)
