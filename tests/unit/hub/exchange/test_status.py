"""The live status of datasets, from real reads and the connector's own check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_server import Fault
from hub.exchange.resilience import Breaker, Guard, Limits
from hub.exchange.rpc import ExchangeServicer
from hub.exchange.status import DatasetStatus, ServiceState, Traffic, state_of
from hub.platform.idempotency import Idempotency
from tests.unit.hub.exchange.conftest import DATASET, Exchange

NOW = datetime(2026, 3, 2, tzinfo=UTC)
UP, DEGRADED, DOWN = ServiceState.UP, ServiceState.DEGRADED, ServiceState.DOWN


async def status(exchange: Exchange) -> DatasetStatus:
    await exchange.service.board.check()
    [found] = [each for each in await exchange.service.board.datasets() if each.dataset_id == DATASET]
    return found


@pytest.mark.parametrize(
    ("outcomes", "breaker", "is_up", "degraded_fields", "state"),
    [
        ("", Breaker.CLOSED, True, 0, UP),
        ("", Breaker.CLOSED, False, 0, DOWN),
        ("", Breaker.OPEN, True, 0, DOWN),
        ("", Breaker.HALF_OPEN, True, 0, DEGRADED),
        ("", Breaker.CLOSED, True, 1, DEGRADED),
        ("x", Breaker.CLOSED, True, 0, UP),
        ("x.x.", Breaker.CLOSED, True, 0, DEGRADED),
        ("xxx", Breaker.CLOSED, True, 0, DOWN),
        ("xxx.", Breaker.CLOSED, True, 0, DEGRADED),
        ("xxx" + 20 * ".", Breaker.CLOSED, True, 0, UP),
        ("ccc", Breaker.CLOSED, True, 0, UP),
        ("xxcx", Breaker.CLOSED, True, 0, DOWN),
    ],
)
def test_the_rule(outcomes: str, breaker: Breaker, is_up: bool, degraded_fields: int, state: ServiceState) -> None:
    """x is a failure of the provider, c a refusal of the caller, a dot a success."""
    traffic, codes = Traffic(), {"x": "PROVIDER_TIMEOUT", "c": "FIELD_NOT_GRANTED"}
    for outcome in outcomes:
        traffic.note(HuilianError(codes[outcome]) if outcome in codes else None, NOW)
    assert state_of(traffic, breaker, is_up, degraded_fields) is state


async def test_it_follows_the_traffic(exchange: Exchange) -> None:
    await exchange.grant(max_reads=20)
    started = exchange.clock.now()
    fresh = await status(exchange)
    assert (fresh.state, fresh.since, fresh.last_success) == (UP, started, None)
    exchange.clock.advance(timedelta(minutes=1))
    await exchange.fetch(1)
    read = await status(exchange)
    assert (read.state, read.since, read.last_success) == (UP, started, exchange.clock.now())
    assert read.health.newest_data_time.ToDatetime(UTC) <= exchange.clock.now()
    exchange.clock.advance(timedelta(minutes=1))
    exchange.edge.upstream.faults.active = Fault.GARBAGE
    for number in range(2, 5):
        assert await exchange.refused(number) == "PROVIDER_FAULT"
    failing = await status(exchange)
    assert (failing.state, failing.since) == (DOWN, exchange.clock.now())
    assert (failing.last_failure_code, failing.last_success) == ("PROVIDER_FAULT", read.last_success)
    exchange.edge.upstream.faults.active = None
    await exchange.fetch(5)
    assert (await status(exchange)).state is DEGRADED


async def test_what_was_never_sent_or_refused_for_the_caller_is_no_news_of_the_agency(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.connector._guard = Guard("housing_fund", Limits(concurrent_calls=0), exchange.clock)
    for number in range(1, 5):
        assert await exchange.refused(number) == "PROVIDER_UNAVAILABLE"
    untouched = await status(exchange)
    assert (untouched.state, untouched.last_failure_code, untouched.last_success) == (UP, "", None)


async def test_an_agency_that_says_it_is_down_is_down_before_anybody_reads(exchange: Exchange) -> None:
    assert (await status(exchange)).state is UP
    exchange.edge.upstream.faults.active = Fault.DOWN
    assert (await status(exchange)).state is DOWN


async def test_a_degraded_field_is_named(exchange: Exchange) -> None:
    for _ in range(2):
        exchange.edge.service.health.broke(DATASET, "balance_fen")
    found = await status(exchange)
    assert found.state is DEGRADED
    assert list(found.health.degraded_fields) == [connector_pb.FieldHealth(name="balance_fen", reason="broken")]


async def test_on_the_wire(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    servicer = ExchangeServicer(exchange.service, Idempotency(exchange.database, exchange.clock))
    answer = await servicer.GetServiceStatus(pb.GetServiceStatusRequest(), None)
    [said] = [each for each in answer.datasets if each.dataset_id == DATASET]
    assert (said.agency_id, said.state, said.breaker) == (
        "housing_fund",
        pb.SERVICE_STATE_UP,
        pb.BREAKER_STATE_CLOSED,
    )
    assert said.last_success_time.ToDatetime(UTC) == exchange.clock.now() == answer.as_of_time.ToDatetime(UTC)
    text = str(answer)
    for private in (exchange.citizen.subject, "consent-", "request-"):
        assert private not in text
