"""Several reads at once: one that fails says whose fault it is and takes nothing from the others."""

from __future__ import annotations

import asyncio

import pytest
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_server import Fault
from hub.exchange.many import ManyReads, Part, part_id
from hub.exchange.rpc import ExchangeServicer
from hub.exchange.rules import Read
from hub.exchange.settlement import Delivery
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.support.consents import LENDING
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, YEAR, Exchange

REQUEST = "request-of-many-1"
NOBODYS = Read("", CONSENT, "tax.person/v1", ("income_fen",), YEAR)
OURS = Read("", CONSENT, DATASET, FIELDS, YEAR)


async def fetch(exchange: Exchange, *reads: Read, by: str = LENDING, deadline_s: float = 5.0) -> tuple[Part, ...]:
    return await exchange.service.many.fetch(by, REQUEST, CONSENT, reads, deadline_s)


def code(part: Part) -> str:
    return part.outcome.code if isinstance(part.outcome, HuilianError) else "DELIVERED"


async def test_everything_that_is_granted_by_default(exchange: Exchange) -> None:
    await exchange.grant()
    [part] = await fetch(exchange)
    assert isinstance(part.outcome, Delivery)
    assert part.read == Read(part_id(REQUEST, DATASET), CONSENT, DATASET, FIELDS, YEAR)


async def test_one_that_fails_takes_nothing_from_the_others(exchange: Exchange) -> None:
    await exchange.grant()
    parts = await fetch(exchange, NOBODYS, OURS)
    assert [code(part) for part in parts] == ["FIELD_NOT_GRANTED", "DELIVERED"]
    assert sorted(await exchange.outcomes()) == ["DELIVERED", "REFUSED:FIELD_NOT_GRANTED"]
    assert await exchange.used() == 1


async def test_the_same_request_gets_the_same_and_only_tries_what_failed(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.edge.upstream.faults.active = Fault.DOWN
    [failed] = await fetch(exchange, OURS)
    assert (code(failed), await exchange.used()) == ("PROVIDER_UNAVAILABLE", 0)
    exchange.edge.upstream.faults.active = None
    first, again = await fetch(exchange, OURS), await fetch(exchange, OURS)
    assert first == again and code(first[0]) == "DELIVERED"
    assert await exchange.used() == 1
    [other] = await fetch(exchange, Read("", CONSENT, DATASET, FIELDS[:1], YEAR))
    assert code(other) == "REQUEST_ID_REUSED"


async def test_a_slow_source_costs_the_deadline_and_its_answer_is_found_later(exchange: Exchange) -> None:
    await exchange.grant()
    exchange.edge.upstream.faults.active = Fault.SLOW
    [late] = await fetch(exchange, OURS, deadline_s=0.3)
    assert isinstance(late.outcome, HuilianError)
    assert (late.outcome.code, late.outcome.entry.fault.value) == ("PROVIDER_TIMEOUT", "provider")
    await exchange.service.drain()
    assert (await exchange.outcomes(), await exchange.used()) == (["REFUSED:PROVIDER_TIMEOUT"], 0)
    exchange.edge.upstream.faults.active = None
    assert [code(part) for part in await fetch(exchange, OURS)] == ["DELIVERED"]


async def test_what_concerns_all_of_them_is_an_error(exchange: Exchange) -> None:
    await exchange.grant()
    for by, reads, expected in (("somebody", (OURS,), "NOT_FOUND"), (LENDING, (OURS, OURS), "INVALID_ARGUMENT")):
        with pytest.raises(HuilianError) as refusal:
            await fetch(exchange, *reads, by=by)
        assert refusal.value.code == expected
    assert await exchange.outcomes() == []


async def test_a_part_that_breaks_is_one_part(exchange: Exchange) -> None:
    async def breaking(by: str, read: Read) -> Delivery:
        if read.dataset == DATASET:
            raise RuntimeError("李雷 110101199003078515")
        await asyncio.sleep(0)
        raise HuilianError("PROVIDER_FAULT", provider=read.dataset)

    await exchange.grant()
    many = ManyReads(breaking, exchange.database, exchange.consents, exchange.service.turned_away)
    parts = await many.fetch(LENDING, REQUEST, CONSENT, (OURS, NOBODYS), 5.0)
    assert [code(part) for part in parts] == ["INTERNAL", "PROVIDER_FAULT"]


async def test_on_the_wire_a_failure_says_whose_fault_it_is_and_whether_to_retry(exchange: Exchange) -> None:
    tax = DatasetGrant(DATASET, FIELDS, Period("2025-03", "2026-02"))
    await exchange.grant(datasets=(tax,))
    exchange.edge.upstream.faults.active = Fault.GARBAGE
    set_current_caller(Caller(exchange.citizen.subject, Role.CITIZEN))
    request = pb.FetchDatasetsRequest(request_id=REQUEST, consent_id=CONSENT)
    servicer = ExchangeServicer(exchange.service, Idempotency(exchange.database, exchange.clock))
    answer = await servicer.FetchDatasets(request, None)
    [part] = answer.answers
    assert not answer.complete
    assert (part.dataset_id, part.agency_id, part.request_id) == (DATASET, "housing_fund", part_id(REQUEST, DATASET))
    assert (part.failure.code, part.failure.fault, part.failure.retry) == ("PROVIDER_FAULT", "provider", "later")
    assert part.failure.text_zh and part.failure.text_en
