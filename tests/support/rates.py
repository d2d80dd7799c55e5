"""Buckets of calls in memory, for tests that need no database."""

from __future__ import annotations

from hub.platform import rate_memory
from hub.platform.rate_buckets import Lease
from hub.platform.rates import Bucket


class MemoryBuckets(rate_memory.MemoryBuckets):
    """Those of the product, which count how often they are asked; `test_both_count_alike` compares them."""

    def __init__(self) -> None:
        super().__init__()
        self.statements = 0

    async def take(self, bucket: Bucket, wanted: int, now_us: int) -> Lease:
        self.statements += 1
        return await super().take(bucket, wanted, now_us)
