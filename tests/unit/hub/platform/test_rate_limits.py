"""Buckets of calls: exact in the database, leased by processes, never beyond their bound, never unfair below half."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.platform.callers import Caller, Role
from hub.platform.database import Database
from hub.platform.rate_buckets import Lease, RateBuckets
from hub.platform.rate_limits import LEASE_US, RateLimiter
from hub.platform.rates import MICROSECONDS, MINUTE_US, Bucket, Limit, Rate, Rates
from tests.support.rates import MemoryBuckets

NOW_US = 1_790_000_000 * MICROSECONDS
BUCKET = Bucket("reads/citizen/net-1", Rate(per_minute=60, burst=10))
READ, WRITE = "/huilian.consent.v1.ConsentService/GetConsent", "/huilian.consent.v1.ConsentService/GrantConsent"
CITIZEN = Caller("net-1", Role.CITIZEN)
START = datetime(2026, 3, 2, tzinfo=UTC)


def limiter(clock: FixedClock, buckets: MemoryBuckets | None = None, **limits: Rate) -> RateLimiter:
    rates = Rates({Limit(name): rate for name, rate in limits.items()})
    return RateLimiter(buckets or MemoryBuckets(), rates, clock)


async def refusal(call: object) -> HuilianError:
    with pytest.raises(HuilianError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.code == "RATE_LIMITED"
    return caught.value


async def admitted(limits: RateLimiter, most: int, method: str = READ, caller: Caller = CITIZEN) -> int:
    """How many of these calls in a row get through before the first is refused."""
    for number in range(most):
        try:
            await limits.admit(method, caller, "")
        except HuilianError:
            return number
    return most


# --- the bucket in the database


async def test_a_bucket_gives_its_burst_and_then_its_rate(database: Database) -> None:
    buckets = RateBuckets(database)
    assert await buckets.take(BUCKET, 4, NOW_US) == Lease(4)
    assert await buckets.take(BUCKET, 10, NOW_US) == Lease(6)
    assert await buckets.take(BUCKET, 1, NOW_US) == Lease(0, MICROSECONDS)
    assert await buckets.take(BUCKET, 1, NOW_US + 300_000) == Lease(0, 700_000)
    assert await buckets.take(BUCKET, 5, NOW_US + 2_500_000) == Lease(2)


async def test_a_full_bucket_needs_no_row(database: Database) -> None:
    buckets = RateBuckets(database)
    await buckets.take(BUCKET, 2, NOW_US)
    assert await buckets.forget_full(NOW_US + MICROSECONDS) == 0
    assert await buckets.forget_full(NOW_US + 2 * MICROSECONDS) == 1
    assert await buckets.take(BUCKET, 20, NOW_US + 2 * MICROSECONDS) == Lease(10)


async def test_many_at_a_time_get_no_more_than_there_is(database: Database) -> None:
    buckets = RateBuckets(database)
    leases = await asyncio.gather(*(buckets.take(BUCKET, 3, NOW_US) for _ in range(20)))
    assert sum(lease.tokens for lease in leases) == 10


async def test_both_count_alike(database: Database) -> None:
    real, plain, now_us = RateBuckets(database), MemoryBuckets(), NOW_US
    for step, wanted in enumerate([1, 3, 9, 2, 8, 1, 1, 5, 10, 7, 2]):
        now_us += step * 370_000
        assert await real.take(BUCKET, wanted, now_us) == await plain.take(BUCKET, wanted, now_us)


async def test_a_rate_that_was_lowered_meanwhile_grants_nothing_at_first(database: Database) -> None:
    buckets = RateBuckets(database)
    await buckets.take(BUCKET, 10, NOW_US)
    lower = Bucket(BUCKET.name, Rate(per_minute=60, burst=2))
    assert await buckets.take(lower, 1, NOW_US) == Lease(0, 9 * MICROSECONDS)


# --- the limiter


async def test_whoever_calls_too_often_is_told_when_to_come_back(clock: FixedClock) -> None:
    limits = limiter(clock, reads=Rate(per_minute=6, burst=3))
    assert await admitted(limits, 10) == 3
    error = await refusal(limits.admit(READ, CITIZEN, ""))
    assert error.params == {"retry_after_seconds": "10"}
    clock.advance(timedelta(seconds=10))
    await limits.admit(READ, CITIZEN, "")
    await refusal(limits.admit(READ, CITIZEN, ""))


async def test_another_caller_or_another_kind_of_call_is_not_concerned(clock: FixedClock) -> None:
    limits = limiter(clock, reads=Rate(per_minute=6, burst=3))
    assert await admitted(limits, 10) == 3
    assert await admitted(limits, 10, WRITE) == 10
    assert await admitted(limits, 10, READ, Caller("net-2", Role.CITIZEN)) == 3
    assert await admitted(limits, 100, READ, Caller("some", Role.ENTERPRISE)) == 30


async def test_a_busy_caller_costs_a_statement_in_many_calls(clock: FixedClock) -> None:
    buckets = MemoryBuckets()
    limits = limiter(clock, buckets, reads=Rate(per_minute=1_200, burst=600))
    assert await admitted(limits, 500) == 500
    assert buckets.statements <= 8


async def test_a_caller_who_is_refused_costs_no_statement(clock: FixedClock) -> None:
    buckets = MemoryBuckets()
    limits = limiter(clock, buckets, reads=Rate(per_minute=6, burst=3))
    assert await admitted(limits, 10) == 3
    before = buckets.statements
    for _ in range(50):
        await refusal(limits.admit(READ, CITIZEN, ""))
    assert buckets.statements <= before + 1


async def test_whoever_guesses_ids_is_stopped_from_hitting_too(clock: FixedClock) -> None:
    limits = limiter(clock, misses=Rate(per_minute=6, burst=4))
    for _ in range(4):
        await limits.missed(CITIZEN, "")
    await refusal(limits.missed(CITIZEN, ""))
    await refusal(limits.admit(READ, CITIZEN, ""))
    await limits.admit(READ, Caller("net-2", Role.CITIZEN), "")
    clock.advance(timedelta(seconds=10))
    await limits.admit(READ, CITIZEN, "")


async def test_a_person_is_read_so_often_and_a_reader_reads_so_many(clock: FixedClock) -> None:
    limits = limiter(clock, person_reads=Rate(per_minute=1, burst=3), persons=Rate(per_minute=1, burst=2))
    for _ in range(3):
        await limits.before_read("bank.lending", "net-1")
    await refusal(limits.before_read("bank.other", "net-1"))
    await limits.before_read("bank.lending", "net-2")
    await refusal(limits.before_read("bank.lending", "net-3"))
    # A person who was counted is not counted again.
    await limits.before_read("bank.lending", "net-2")


async def test_calls_without_a_caller_are_counted_by_address(clock: FixedClock) -> None:
    limits = limiter(clock, refused=Rate(per_minute=6, burst=2))
    stranger = Caller("anonymous", Role.ANONYMOUS)
    for _ in range(2):
        await limits.refused_at_the_door(stranger, "ipv4:192.0.2.1:1")
    await refusal(limits.refused_at_the_door(stranger, "ipv4:192.0.2.1:2"))
    await limits.refused_at_the_door(stranger, "ipv4:192.0.2.2:1")


async def test_three_processes_on_one_database_share_a_bucket(database: Database, clock: FixedClock) -> None:
    rates = Rates({Limit.READS: Rate(per_minute=6, burst=60)})
    processes = [RateLimiter(RateBuckets(database), rates, clock) for _ in range(3)]
    calls = (process.admit(READ, CITIZEN, "") for _ in range(40) for process in processes)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    refused = [error for error in outcomes if isinstance(error, HuilianError)]
    assert {error.code for error in refused} == {"RATE_LIMITED"}
    # What one process leased the others cannot have; nothing is given out twice.
    assert 40 <= len(outcomes) - len(refused) <= 60


Steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3_000)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(Steps, st.integers(1, 600), st.integers(1, 60))
def test_no_window_lets_through_more_than_burst_and_rate(
    steps: Sequence[tuple[int, int]], per_minute: int, burst: int
) -> None:
    """Four processes, arbitrary pauses (milliseconds): every window keeps its bound."""
    times = asyncio.run(_history(steps, Rate(per_minute=per_minute, burst=burst)))
    interval = MINUTE_US // per_minute
    for first in range(len(times)):
        for last in range(first, len(times)):
            window_us = times[last] - times[first]
            assert (last - first + 1) <= burst + (window_us + LEASE_US) // interval + 1


async def _history(steps: Sequence[tuple[int, int]], rate: Rate) -> list[int]:
    clock, buckets = FixedClock(START), MemoryBuckets()
    processes = [limiter(clock, buckets, reads=rate) for _ in range(4)]
    passed = []
    for number, pause_ms in steps:
        clock.advance(timedelta(milliseconds=pause_ms))
        try:
            await processes[number].admit(READ, CITIZEN, "")
        except HuilianError:
            continue
        passed.append((clock.now() - START) // timedelta(microseconds=1))
    return passed


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6_000), st.integers(1, 400), st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_a_steady_caller_below_half_of_the_rate_is_never_refused(
    per_minute: int, burst: int, jitter: Sequence[float]
) -> None:
    async def play() -> None:
        clock = FixedClock(START)
        limits = limiter(clock, reads=Rate(per_minute=per_minute, burst=burst))
        for extra in jitter:
            await limits.admit(READ, CITIZEN, "")
            clock.advance(timedelta(microseconds=2 * (MINUTE_US // per_minute) * (1 + extra) + 1))

    asyncio.run(play())
