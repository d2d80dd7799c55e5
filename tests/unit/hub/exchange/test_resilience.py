"""The bulkhead and the circuit breaker of one connector."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.exchange.resilience import Breaker, Guard, Limits

LIMITS = Limits(concurrent_calls=2, failures_to_open=3, open_for=timedelta(seconds=10))


def guard() -> tuple[Guard, FixedClock]:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    return Guard("housing_fund", LIMITS, clock), clock


async def outcome(guarded: Guard, code: str | None = None) -> str:
    """One call that fails with `code`, or succeeds; returns the code that came out."""
    try:
        async with guarded.call():
            if code:
                raise HuilianError(code)
    except HuilianError as error:
        return error.code
    return "OK"


async def test_it_opens_after_the_set_number_of_provider_faults_and_closes_after_a_good_probe() -> None:
    guarded, clock = guard()
    for _ in range(3):
        assert await outcome(guarded, "PROVIDER_FAULT") == "PROVIDER_FAULT"
    assert await outcome(guarded) == "PROVIDER_UNAVAILABLE"
    clock.advance(timedelta(seconds=10))
    assert await outcome(guarded) == "OK"
    assert await outcome(guarded) == "OK"


async def test_a_failed_probe_opens_it_again_at_once() -> None:
    guarded, clock = guard()
    for _ in range(3):
        await outcome(guarded, "PROVIDER_FAULT")
    clock.advance(timedelta(seconds=11))
    assert await outcome(guarded, "PROVIDER_FAULT") == "PROVIDER_FAULT"
    assert await outcome(guarded) == "PROVIDER_UNAVAILABLE"


async def test_only_one_probe_goes_out_at_a_time() -> None:
    guarded, clock = guard()
    for _ in range(3):
        await outcome(guarded, "PROVIDER_FAULT")
    clock.advance(timedelta(seconds=11))
    async with guarded.call():
        assert await outcome(guarded) == "PROVIDER_UNAVAILABLE"
    assert await outcome(guarded) == "OK"


async def test_a_refusal_of_the_caller_is_not_a_fault_of_the_provider() -> None:
    guarded, _ = guard()
    for _ in range(10):
        assert await outcome(guarded, "FIELD_NOT_GRANTED") == "FIELD_NOT_GRANTED"
    assert await outcome(guarded) == "OK"


async def test_success_resets_the_count() -> None:
    guarded, _ = guard()
    for _ in range(4):
        await outcome(guarded, "PROVIDER_FAULT")
        await outcome(guarded, "PROVIDER_FAULT")
        assert await outcome(guarded) == "OK"


async def test_the_bulkhead_refuses_what_is_too_much() -> None:
    guarded, _ = guard()
    release = asyncio.Event()

    async def hold() -> None:
        async with guarded.call():
            await release.wait()

    held = [asyncio.create_task(hold()) for _ in range(2)]
    await asyncio.sleep(0)
    assert await outcome(guarded) == "PROVIDER_UNAVAILABLE"
    release.set()
    await asyncio.gather(*held)
    assert await outcome(guarded) == "OK"


async def test_a_cancelled_probe_does_not_block_the_next_one() -> None:
    guarded, clock = guard()
    for _ in range(3):
        await outcome(guarded, "PROVIDER_FAULT")
    clock.advance(timedelta(seconds=11))
    with pytest.raises(asyncio.CancelledError):
        async with guarded.call():
            raise asyncio.CancelledError
    assert await outcome(guarded) == "OK"


async def test_a_connector_is_asked_no_more_often_than_its_rate() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    guarded = Guard("housing_fund", Limits(calls_per_minute=6, burst=2), clock)
    assert [await outcome(guarded) for _ in range(3)] == ["OK", "OK", "PROVIDER_UNAVAILABLE"]
    clock.advance(timedelta(seconds=10))
    assert [await outcome(guarded) for _ in range(2)] == ["OK", "PROVIDER_UNAVAILABLE"]


async def test_the_breaker_says_whether_calls_go_out() -> None:
    guarded, clock = guard()
    assert guarded.breaker is Breaker.CLOSED
    for _ in range(3):
        await outcome(guarded, "PROVIDER_FAULT")
    assert guarded.breaker is Breaker.OPEN
    clock.advance(timedelta(seconds=10))
    assert guarded.breaker is Breaker.HALF_OPEN
    await outcome(guarded)
    assert guarded.breaker is Breaker.CLOSED
