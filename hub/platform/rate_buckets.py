"""The buckets of all hub processes together: one row each, one statement to take from it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.platform.database import Database
from hub.platform.rates import Bucket

# A bucket is kept as the moment at which it will be full again (GCRA, ITU-T I.371): later than now by what is missing.
# $2 now, $3 time in which one token comes back, $4 how much may be missing, $5 tokens wanted. On the
# right of an assignment stands what the row had before, on both databases; it is locked for one statement only.
_MISSING_SINCE = "CASE WHEN platform_rate_bucket.full_at_us > $2 THEN platform_rate_bucket.full_at_us ELSE $2 END"
_THERE = f"(($2 + $4 - ({_MISSING_SINCE})) / $3)"
_GRANTED = f"CASE WHEN {_THERE} >= $5 THEN $5 WHEN {_THERE} > 0 THEN {_THERE} ELSE 0 END"
_TAKE = f"""
INSERT INTO platform_rate_bucket (name, full_at_us, granted) VALUES ($1, $2 + $5 * $3, $5)
ON CONFLICT (name) DO UPDATE SET full_at_us = ({_MISSING_SINCE}) + ({_GRANTED}) * $3, granted = {_GRANTED}
RETURNING full_at_us, granted
"""  # noqa: S608  constants only


@dataclass(frozen=True)
class Lease:
    """Tokens taken out of a bucket; when there are none, how long until there is one."""

    tokens: int
    wait_us: int = 0


class RateBuckets:
    """The only SQL about rates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, bucket: Bucket, wanted: int, now_us: int) -> Lease:
        """Take up to `wanted` tokens (no more than the burst); atomic among all processes on this database."""
        interval, burst = bucket.rate.interval_us, bucket.rate.burst
        most, wanted = interval * burst, min(wanted, burst)
        rows = await self._database.fetch(_SQL[self._database.dialect], bucket.name, now_us, interval, most, wanted)
        full_at_us, granted = int(rows[0]["full_at_us"]), int(rows[0]["granted"])
        return Lease(granted, 0 if granted else full_at_us + interval - most - now_us)

    async def forget_full(self, now_us: int) -> int:
        """Drop the rows of buckets that are full again, which says the same as no row; how many."""
        return await self._database.execute("DELETE FROM platform_rate_bucket WHERE full_at_us <= $1", now_us)


def _typed(sql: str) -> str:
    """PostgreSQL wants to know what a placeholder is where only placeholders meet."""
    for number in range(2, 6):
        sql = sql.replace(f"${number}", f"${number}::bigint")
    return sql


_SQL = {"sqlite": _TAKE, "postgres": _typed(_TAKE)}
