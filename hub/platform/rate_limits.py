"""Takes one token per call, from tokens that this process holds; takes more from the database when it has none.

Tokens are taken in batches that grow while they are used up and are worthless after `LEASE_US`, so that a busy caller
costs a statement in many calls and an idle process keeps nothing from the others. What lapses is lost: over all
processes, no window of W seconds lets through more than burst + rate x (W + lease), and a steady caller below half of
the rate is never refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.callers import Caller
from hub.platform.rate_buckets import Lease
from hub.platform.rates import MICROSECONDS, Bucket, Rates

LEASE_US = 10 * MICROSECONDS
LARGEST_BATCH = 256
# Buckets that one process remembers; beyond it the longest unused one gives up what it held.
REMEMBERED = 20_000
PERSON_WINDOW = timedelta(hours=1)
FORGET_EVERY_S = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


class Buckets(Protocol):
    """The buckets that all processes share (`rate_buckets.py`)."""

    async def take(self, bucket: Bucket, wanted: int, now_us: int) -> Lease:
        """Take up to `wanted` tokens."""
        ...

    async def forget_full(self, now_us: int) -> int:
        """Drop what says nothing."""
        ...


@dataclass(slots=True)
class _Held:
    """What this process holds of one bucket."""

    tokens: int = 0
    lapses_us: int = 0
    batch: int = 0
    # Until then nobody needs to ask the database again.
    empty_until_us: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimiter:
    """The rate limits of one hub process."""

    def __init__(self, buckets: Buckets, rates: Rates, clock: Clock) -> None:
        """`clock` is the machine's: a sandbox whose clock is moved does not let anybody crawl faster."""
        self._buckets, self._rates, self._clock = buckets, rates, clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def admit(self, method: str, caller: Caller, peer: str) -> None:
        """Count a call. Raises RATE_LIMITED, also while this caller guesses ids."""
        self._refuse_if_empty(self._rates.of_misses(caller, peer))
        await self.take(self._rates.of_call(method, caller, peer))

    async def refused_at_the_door(self, caller: Caller, peer: str) -> None:
        """Count a call that did not get in. Raises RATE_LIMITED."""
        await self.take(self._rates.of_refusals(caller, peer))

    async def missed(self, caller: Caller, peer: str) -> None:
        """Count an answer that there is no such thing. Raises RATE_LIMITED."""
        await self.take(self._rates.of_misses(caller, peer))

    async def before_read(self, reader: str, subject: str) -> None:
        """Count a read of a person's data; a person whom this reader did not read within the hour counts as another
        one. Raises RATE_LIMITED.
        """
        await self.take(self._rates.of_person(subject))
        if self._is_new(reader, subject):
            await self.take(self._rates.of_reader(reader))
            self._remember(reader, subject)

    async def before_evaluation(self, caller: str, count: int) -> None:
        """Count elements that another hub wants evaluated. Raises RATE_LIMITED; what was counted before stays so."""
        for _ in range(count):
            await self.take(self._rates.of_evaluations(caller))

    async def take(self, bucket: Bucket) -> None:
        """Take one token. Raises RATE_LIMITED with `retry_after_seconds`."""
        held = self._of(bucket.name)
        if self._spend(held):
            return
        async with held.lock:
            if self._spend(held):
                return
            self._refuse_if_empty(bucket)
            await self._lease(bucket, held)
            if not self._spend(held):
                raise limited(held.empty_until_us - self._now_us())

    async def run(self, stop: asyncio.Event) -> None:
        """Forget full buckets until the process stops. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            try:
                await self._buckets.forget_full(self._now_us())
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("rates.forgetting_failed", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FORGET_EVERY_S)

    async def _lease(self, bucket: Bucket, held: _Held) -> None:
        now_us = self._now_us()
        held.batch = _next_batch(bucket, held.batch, used_up=now_us < held.lapses_us)
        lease = await self._buckets.take(bucket, held.batch, now_us)
        held.tokens, held.lapses_us = lease.tokens, now_us + LEASE_US
        held.empty_until_us = 0 if lease.tokens else now_us + lease.wait_us

    def _spend(self, held: _Held) -> bool:
        if held.tokens <= 0 or self._now_us() >= held.lapses_us:
            return False
        held.tokens -= 1
        return True

    def _refuse_if_empty(self, bucket: Bucket) -> None:
        held = self._held.get(bucket.name)
        if held is not None and (wait_us := held.empty_until_us - self._now_us()) > 0:
            raise limited(wait_us)

    def _of(self, name: str) -> _Held:
        held = self._held.setdefault(name, _Held())
        self._held.move_to_end(name)
        while len(self._held) > REMEMBERED:
            self._held.popitem(last=False)
        return held

    def _is_new(self, reader: str, subject: str) -> bool:
        since = self._seen.get((reader, subject))
        return since is None or self._now_us() - since >= PERSON_WINDOW // timedelta(microseconds=1)

    def _remember(self, reader: str, subject: str) -> None:
        self._seen[reader, subject] = self._now_us()
        self._seen.move_to_end((reader, subject))
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _now_us(self) -> int:
        return (self._clock.now() - _EPOCH) // timedelta(microseconds=1)


def limited(wait_us: int) -> HuilianError:
    """RATE_LIMITED with the whole seconds after which it is worth trying again, at least one."""
    return HuilianError("RATE_LIMITED", retry_after_seconds=max(1, -(-wait_us // MICROSECONDS)))


def _next_batch(bucket: Bucket, last: int, *, used_up: bool) -> int:
    """Twice the last batch when that was used up in time, else the first one: what half of the rate gives in a lease's
    life, and no more than an eighth of the burst.
    """
    first = max(1, min(bucket.rate.burst // 8, LEASE_US // (2 * bucket.rate.interval_us), LARGEST_BATCH))
    return min(2 * last, max(first, bucket.rate.burst // 4), LARGEST_BATCH) if last and used_up else first
