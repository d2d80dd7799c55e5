"""Buckets of calls in memory, for tests that need no database."""

from __future__ import annotations

from hub.platform.rate_buckets import Lease
from hub.platform.rates import Bucket


class MemoryBuckets:
    """The same arithmetic in plain Python, for histories of many steps; `test_both_count_alike` compares them."""

    def __init__(self) -> None:
        self.full_at_us: dict[str, int] = {}
        self.statements = 0

    async def take(self, bucket: Bucket, wanted: int, now_us: int) -> Lease:
        self.statements += 1
        interval = bucket.rate.interval_us
        since = max(now_us, self.full_at_us.get(bucket.name, 0))
        wanted = min(wanted, bucket.rate.burst)
        granted = max(0, min(wanted, (now_us + interval * bucket.rate.burst - since) // interval))
        self.full_at_us[bucket.name] = since + granted * interval
        wait_us = 0 if granted else since + interval - interval * bucket.rate.burst - now_us
        return Lease(granted, wait_us)

    async def forget_full(self, now_us: int) -> int:
        return 0
