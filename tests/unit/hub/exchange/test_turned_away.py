"""Calls turned away at the door are told to whom they were about: one record a minute, bounded, whatever is thrown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.message import Message
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.errors import HuilianError

from hub.exchange import turned_away
from hub.exchange.pace import ReadPace
from hub.exchange.rules import Read
from hub.exchange.turned_away import Refusal
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, YEAR, Exchange

FETCH = "/huilian.exchange.v1.ExchangeService/FetchDataset"
ACT = "/huilian.exchange.v1.ExchangeService/PerformAction"


async def records(exchange: Exchange) -> list[dict[str, Any]]:
    page = await exchange.service.access_records(exchange.citizen.subject, "", 50)
    return [record.content for record in page.records]


def fetch(consent_id: str = CONSENT, dataset: str = DATASET) -> pb.FetchDatasetRequest:
    return pb.FetchDatasetRequest(consent_id=consent_id, dataset_id=dataset)


async def test_equal_refusals_become_one_record_with_their_number(exchange: Exchange) -> None:
    await exchange.grant()
    door = exchange.service.turned_away
    for _ in range(1_000):
        door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED")
    door.at_the_door(FETCH, fetch(dataset="张三 11010519491231002X"), "INVALID_ARGUMENT")
    door.at_the_door(ACT, pb.PerformActionRequest(consent_id=CONSENT, action_id="a.b/v1"), "PERMISSION_DENIED")
    assert await door.flush() == 3 and await door.flush() == 0
    found = {record["outcome"]: record for record in await records(exchange)}
    assert found["REFUSED:UNAUTHENTICATED"]["times"] == 1_000
    assert found["REFUSED:UNAUTHENTICATED"]["dataset"] == DATASET
    assert found["REFUSED:UNAUTHENTICATED"]["requested_by"] == "somebody-else"
    # What a stranger wrote into the call is nobody's to read: it could be personal data or abuse.
    assert found["REFUSED:INVALID_ARGUMENT"]["dataset"] == ""
    assert found["REFUSED:PERMISSION_DENIED"]["action"] == ""


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (FETCH, fetch("consent-unknown1")),
        (FETCH, object()),
        (FETCH, fetch("")),
        (FETCH, fetch("x" * 65)),
        ("/huilian.lending.v1.LoanService/GetLoan", loan_pb.GetLoanRequest()),
    ],
)
async def test_where_nobody_is_named_nothing_is_recorded(exchange: Exchange, method: str, request_: Message) -> None:
    await exchange.grant()
    exchange.service.turned_away.at_the_door(method, request_, "PERMISSION_DENIED")
    assert await exchange.service.turned_away.flush() == 0 and await records(exchange) == []


async def test_reading_too_fast_is_recorded_with_who_it_was(exchange: Exchange) -> None:
    class Strict:
        async def before_read(self, reader: str, subject: str) -> None:
            raise HuilianError("RATE_LIMITED", retry_after_ms=1_000)

    await exchange.grant()
    exchange.service._pace = ReadPace(Strict(), exchange.consents)
    read = Read("request-00000001", CONSENT, DATASET, FIELDS, YEAR)
    for number, reader in enumerate((exchange.citizen.subject, exchange.citizen.subject, "net-stranger")):
        with pytest.raises(HuilianError, match="RATE_LIMITED"):
            await exchange.service.fetch(reader, read)
        assert len(await records(exchange)) == 0, number
    await exchange.service.turned_away.close()
    by_whom = {record["requested_by"]: record["times"] for record in await records(exchange)}
    assert by_whom == {exchange.citizen.subject: 2, "somebody-else": 1}


async def test_a_flood_of_other_ids_costs_bounded_memory_and_loses_no_person(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turned_away, "MOST_HELD", 50)
    await exchange.grant()
    door, stop = exchange.service.turned_away, asyncio.Event()
    door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED")
    running = asyncio.create_task(door.run(stop))
    for number in range(500):
        door.at_the_door(FETCH, fetch(f"consent-{number:08d}x"), "UNAUTHENTICATED")
        assert len(door._held) <= 50
    for _ in range(500):
        if await records(exchange):
            break
        await asyncio.sleep(0.01)
    door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED")
    stop.set()
    await running
    assert [record["times"] for record in await records(exchange)] == [1, 1]


async def test_what_could_not_be_written_is_kept(exchange: Exchange) -> None:
    await exchange.grant()
    door = exchange.service.turned_away
    door.count(Refusal(CONSENT, False, DATASET, "UNAUTHENTICATED", ""))
    async for _ in break_at_each_statement(exchange.database, door.flush):
        assert await records(exchange) == [] and sum(door._held.values()) == 1
    assert [record["times"] for record in await records(exchange)] == [1]
