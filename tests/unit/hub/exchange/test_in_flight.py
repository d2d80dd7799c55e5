"""While a read is out: revocation, a caller who hangs up, a second try, a broken statement, a lying edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from hub.exchange.settlement import Delivery
from hub.exchange.store import ActionPhase, ActionRow
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.exchange.conftest import CONSENT, Exchange

Answer = Callable[[pb.ReadResponse], pb.ReadResponse]


class Held:
    """Stands before the real connector: holds each answer back until told, and may change it."""

    def __init__(self, exchange: Exchange, change: Answer | None = None) -> None:
        self._connector, self._change = exchange.connector, change
        self._read = exchange.connector.read
        self.arrived, self.release = asyncio.Event(), asyncio.Event()

    async def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        answer = await self._read(request)
        self.arrived.set()
        await self.release.wait()
        return self._change(answer) if self._change else answer

    def __enter__(self) -> Held:
        self._connector.read = self.read  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._connector.read = self._read  # type: ignore[method-assign]


class HeldOutside(Held):
    """The same before the edge has been asked."""

    async def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        self.arrived.set()
        await self.release.wait()
        return await self._read(request)


@asynccontextmanager
async def read_held_back(
    exchange: Exchange, number: int = 1, kind: type[Held] = Held
) -> AsyncIterator[tuple[asyncio.Task[Delivery], Held]]:
    """A read whose answer has left the edge and not reached the hub's books."""
    with kind(exchange) as held:
        task = asyncio.create_task(exchange.fetch(number))
        await held.arrived.wait()
        try:
            yield task, held
        finally:
            held.release.set()


async def test_a_revocation_beats_an_answer_that_is_still_on_its_way(exchange: Exchange) -> None:
    await exchange.grant()
    async with read_held_back(exchange) as (task, held):
        await exchange.revoke()
        held.release.set()
        with pytest.raises(HuilianError) as refusal:
            await task
    assert refusal.value.code == "CONSENT_REVOKED"
    assert await exchange.outcomes() == ["REFUSED:CONSENT_REVOKED"]
    assert "ciphertext" not in str(await exchange.tables())


async def test_the_outcome_is_recorded_when_the_caller_hangs_up(exchange: Exchange) -> None:
    await exchange.grant()
    async with read_held_back(exchange) as (task, held):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.release.set()
        await exchange.service.drain()
    assert await exchange.outcomes() == ["DELIVERED"]
    assert exchange.opened(await exchange.fetch())["status"] == "present"
    assert (await exchange.used(), exchange.edge.upstream.faults.queries) == (1, 1)


async def test_the_same_request_twice_at_once_runs_once(exchange: Exchange) -> None:
    await exchange.grant()
    async with read_held_back(exchange) as (task, held):
        assert await exchange.refused() == "UNAVAILABLE"
        held.release.set()
        await task
    assert await exchange.outcomes() == ["DELIVERED"]


async def test_the_last_read_under_way_keeps_the_consent_alive_until_it_is_settled(exchange: Exchange) -> None:
    await exchange.grant(max_reads=2)
    async with read_held_back(exchange) as (task, held):
        held.__exit__()
        await exchange.fetch(2)
        assert (await exchange.consents.find(CONSENT)).state == "GRANTED"
        held.release.set()
        await task
    assert (await exchange.consents.find(CONSENT)).state == "EXHAUSTED"


def lost(answer: pb.ReadResponse) -> pb.ReadResponse:
    """The connection breaks on the way back."""
    raise HuilianError("PROVIDER_UNAVAILABLE", provider="housing_fund")


async def test_a_read_whose_answer_was_lost_gets_it_though_another_one_took_its_place(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    with Held(exchange, lost) as held:
        held.release.set()
        assert await exchange.refused(1) == "PROVIDER_UNAVAILABLE"
    async with read_held_back(exchange, 2, HeldOutside) as (other, held):
        assert await exchange.refused(1) == "UNAVAILABLE"
        held.release.set()
        with pytest.raises(HuilianError, match="CONSENT_EXHAUSTED"):
            await other
    assert exchange.opened(await exchange.fetch(1))["status"] == "present"
    assert (await exchange.used(), exchange.edge.upstream.faults.queries) == (1, 1)


async def never_went_out(exchange: Exchange) -> None:
    """The edge refuses the first read before it counts anything."""
    exchange.edge.copy._as_of, fresh = None, exchange.edge.copy._as_of
    assert await exchange.refused(1) == "REVOCATIONS_STALE"
    exchange.edge.copy._as_of = fresh


async def test_a_read_that_never_went_out_is_refused_for_good_once_another_one_has_its_place(
    exchange: Exchange,
) -> None:
    await exchange.grant(max_reads=1)
    await never_went_out(exchange)
    async with read_held_back(exchange, 2) as (other, held):
        assert await exchange.refused(1) == "UNAVAILABLE"
        held.release.set()
        await other
    assert await exchange.refused(1) == "CONSENT_EXHAUSTED"
    assert (await exchange.used(), exchange.edge.upstream.faults.queries) == (1, 1)


async def test_an_action_that_is_under_way_leaves_no_place_to_a_read(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    await never_went_out(exchange)
    await ActionRow.create(
        id="action-0001",
        consent_id=CONSENT,
        action_id="housing_fund.withdraw/v1",
        fingerprint=b"",
        phase=ActionPhase.OPEN,
        tries=1,
        next_try_at=exchange.clock.now(),
    )
    await exchange.fetch(2)
    assert (await exchange.consents.find(CONSENT)).state == "GRANTED", "its action may still end"
    assert await exchange.refused(1) == "CONSENT_EXHAUSTED"


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: pb.ReadResponse(envelope=answer.envelope + b" ", edge_signature=answer.edge_signature),
        lambda answer: pb.ReadResponse(envelope=answer.envelope, edge_signature=""),
        lambda answer: pb.ReadResponse(envelope=answer.envelope, edge_signature=answer.edge_signature[:-4] + "AAAA"),
    ],
)
async def test_an_answer_that_the_edge_did_not_sign_is_not_passed_on(exchange: Exchange, change: Answer) -> None:
    await exchange.grant()
    with Held(exchange, change) as held:
        held.release.set()
        assert await exchange.refused() == "PROVIDER_FAULT"
    assert await exchange.outcomes() == ["REFUSED:PROVIDER_FAULT"] and await exchange.used() == 0


async def test_an_old_answer_for_a_new_request_is_not_passed_on(exchange: Exchange) -> None:
    await exchange.grant()
    with Held(exchange) as first:
        first.release.set()
        await exchange.fetch(1)
        old = await first._read(replace_id(await last_request(exchange), 1))
    with Held(exchange, lambda _: old) as second:
        second.release.set()
        assert await exchange.refused(2) == "PROVIDER_FAULT"


async def last_request(exchange: Exchange) -> pb.ReadRequest:
    """What the hub would send for the usual read."""
    consent = await exchange.consents.find(CONSENT)
    return pb.ReadRequest(
        signed_consent=consent.signed,
        dataset_id="housing_fund.account/v1",
        fields=["balance_fen", "employer_name"],
        period={"from_month": "2025-03", "to_month": "2026-02"},
        sealed_subject=await exchange.consents.sealed_subject(CONSENT, "housing_fund"),
        recipient_public_key=exchange.world.recipient_key("bank.lending").public_key,
    )


def replace_id(request: pb.ReadRequest, number: int) -> pb.ReadRequest:
    request.request_id = f"request-{number:08d}"
    return request


async def test_a_read_broken_at_any_statement_is_resumed_and_counts_once(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    breaks = 0
    async for _ in break_at_each_statement(exchange.database, exchange.fetch):
        breaks += 1
        await exchange.service.drain()
        assert await exchange.records() == [] and await exchange.used() <= 1
        exchange.clock.advance(timedelta(minutes=1))
    assert breaks >= 8
    assert await exchange.outcomes() == ["DELIVERED"]
    assert (await exchange.used(), exchange.edge.upstream.faults.queries) == (1, 1)


async def test_a_refusal_broken_at_any_statement_leaves_no_half_record(exchange: Exchange) -> None:
    await exchange.grant()
    before = await exchange.tables()

    async def refused() -> None:
        assert await exchange.refused(fields=("opened_month",)) == "FIELD_NOT_GRANTED"

    async for _ in break_at_each_statement(exchange.database, refused):
        assert await exchange.tables() == before
    assert await exchange.outcomes() == ["REFUSED:FIELD_NOT_GRANTED"]


async def test_a_failure_broken_at_any_statement_keeps_the_read_until_it_is_settled(exchange: Exchange) -> None:
    await exchange.grant(max_reads=1)
    exchange.edge.copy._as_of = None

    async def stale() -> None:
        assert await exchange.refused() == "REVOCATIONS_STALE"

    async for _ in break_at_each_statement(exchange.database, stale):
        await exchange.service.drain()
        assert await exchange.records() == [] and await exchange.used() <= 1
        exchange.clock.advance(timedelta(minutes=1))
    assert await exchange.used() == 0 and await exchange.outcomes() == ["REFUSED:REVOCATIONS_STALE"]


@pytest.mark.parametrize("is_good", [True, False], ids=["answered", "failed"])
async def test_a_run_that_was_taken_for_dead_settles_nothing_twice(exchange: Exchange, is_good: bool) -> None:
    await exchange.grant()
    async with read_held_back(exchange) as (late, held):
        held.__exit__()
        exchange.clock.advance(timedelta(minutes=5))
        taken_up = await exchange.fetch()
        before = await exchange.tables()
        held._change = None if is_good else lambda answer: pb.ReadResponse(envelope=answer.envelope)
        held.release.set()
        if is_good:
            assert await late == taken_up
        else:
            with pytest.raises(HuilianError, match="PROVIDER_FAULT"):
                await late
    assert await exchange.tables() == before
    assert await exchange.outcomes() == ["DELIVERED"] and await exchange.used() == 1
