"""Reads of data are limited per person and per reader, before anything is counted or asked."""

from __future__ import annotations

from huilian_protocol.clock import FixedClock

from hub.exchange.pace import ReadPace
from hub.platform.rate_limits import RateLimiter
from hub.platform.rates import Limit, Rate, Rates
from tests.support.rates import MemoryBuckets
from tests.unit.hub.exchange.conftest import Exchange


async def test_a_read_too_many_is_refused_and_costs_nothing(exchange: Exchange, clock: FixedClock) -> None:
    rates = Rates({Limit.PERSON_READS: Rate(per_minute=1, burst=2)})
    limiter = RateLimiter(MemoryBuckets(), rates, clock)
    exchange.service._pace = ReadPace(limiter, exchange.consents)
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.fetch(1)
    assert await exchange.refused(2) == "RATE_LIMITED"
    assert (await exchange.used(), await exchange.outcomes()) == (1, ["DELIVERED"])
    assert await exchange.refused(3, consent_id="consent-99999999") == "NOT_FOUND"
