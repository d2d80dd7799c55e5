"""Calls turned away at the door are told to whom they were about: one record a minute, bounded, whatever is thrown."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from google.protobuf.message import Message
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.errors import HuilianError

from hub.exchange import turned_away
from hub.exchange.actions import Action
from hub.exchange.erasure import ExchangeErasure
from hub.exchange.pace import ReadPace
from hub.exchange.rules import Read
from hub.exchange.stored_refusals import Refusal
from hub.exchange.turned_away import TurnedAway
from hub.ledger.log.store import LeafRow
from hub.ledger.rules import unpack_body
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from tests.support.breaking import Broken, break_at_each_statement
from tests.support.consents import LENDING
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, YEAR, Exchange

pytestmark = ON_SQLITE

FETCH = "/huilian.exchange.v1.ExchangeService/FetchDataset"
ACT = "/huilian.exchange.v1.ExchangeService/PerformAction"


@pytest.fixture(autouse=True)
def nobody_calls() -> None:
    """Whoever called last in another test does not call here."""
    set_current_caller(ANONYMOUS)


async def records(exchange: Exchange) -> list[dict[str, Any]]:
    page = await exchange.service.access_records(exchange.citizen.subject, "", 50)
    return [record.content for record in page.records]


def fetch(consent_id: str = CONSENT, dataset: str = DATASET) -> pb.FetchDatasetRequest:
    return pb.FetchDatasetRequest(consent_id=consent_id, dataset_id=dataset)


async def test_equal_refusals_become_one_record_with_their_number(exchange: Exchange) -> None:
    await exchange.grant()
    door = exchange.service.turned_away
    await asyncio.gather(*(door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED") for _ in range(1_000)))
    await door.at_the_door(FETCH, fetch(dataset="张三 11010519491231002X"), "INVALID_ARGUMENT")
    await door.at_the_door(ACT, pb.PerformActionRequest(consent_id=CONSENT, action_id="a.b/v1"), "PERMISSION_DENIED")
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
    await exchange.service.turned_away.at_the_door(method, request_, "PERMISSION_DENIED")
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
    await door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED")
    running = asyncio.create_task(door.run(stop))
    others = [fetch(f"consent-{number:08d}x") for number in range(500)]
    await asyncio.gather(*(door.at_the_door(FETCH, other, "UNAUTHENTICATED") for other in others))
    assert not door._held and await waiting(exchange) <= 1
    for _ in range(500):
        if await records(exchange):
            break
        await asyncio.sleep(0.01)
    await door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED")
    stop.set()
    await running
    assert [record["times"] for record in await records(exchange)] == [1, 1]


async def waiting(exchange: Exchange) -> int:
    rows = await exchange.database.fetch("SELECT count FROM exchange_turned_away")
    return sum(row["count"] for row in rows)


async def test_what_could_not_be_recorded_waits(exchange: Exchange) -> None:
    await exchange.grant()
    door = exchange.service.turned_away
    await door.hear(Refusal(CONSENT, False, DATASET, "UNAUTHENTICATED", ""))
    async for _ in break_at_each_statement(exchange.database, door.flush):
        assert await records(exchange) == [] and await waiting(exchange) == 1
    assert [record["times"] for record in await records(exchange)] == [1] and await waiting(exchange) == 0


@ON_BOTH
async def test_what_could_not_be_stored_is_held_and_recorded_with_the_next_round(exchange: Exchange) -> None:
    await exchange.grant()
    door, heard = exchange.service.turned_away, 0

    async def hear() -> None:
        nonlocal heard
        heard += 1
        await door.hear(Refusal(CONSENT, False, DATASET, "UNAUTHENTICATED", ""))
        if door._held.total() == heard:
            raise Broken  # the broken statement, which is the call's answer to nobody

    async for _ in break_at_each_statement(exchange.database, hear):
        pass
    assert await door.flush() == 1
    assert [record["times"] for record in await records(exchange)] == [heard] and heard > 2


@ON_BOTH
async def test_another_process_records_what_a_killed_one_left(exchange: Exchange) -> None:
    await exchange.grant()
    killed = exchange.service.turned_away
    await asyncio.gather(*(killed.at_the_door(FETCH, fetch(), "UNAUTHENTICATED") for _ in range(300)))
    assert await records(exchange) == [] and await waiting(exchange) == 300
    args = (killed._database, killed._clock, killed._ids, killed._consents, killed._log, killed._calls)
    stop = asyncio.Event()
    stop.set()
    await TurnedAway(*args).run(stop)
    assert [record["times"] for record in await records(exchange)] == [300]


async def test_a_flood_shares_few_writes(exchange: Exchange) -> None:
    await exchange.grant()
    door, began = exchange.service.turned_away, []
    exchange.database.on_statement = lambda sql: began.append(sql) if "INTO exchange_turned_away" in sql else None
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(4):
        await asyncio.gather(*(door.at_the_door(FETCH, fetch(), "UNAUTHENTICATED") for _ in range(500)))
    exchange.database.on_statement = None
    assert len(began) <= 8 and len(began) <= 1 + turned_away.WRITES_PER_S * (loop.time() - started)
    assert await waiting(exchange) == 2_000


async def test_of_somebody_who_leaves_nothing_waits_but_the_number(exchange: Exchange) -> None:
    await exchange.grant()
    door, subject = exchange.service.turned_away, exchange.citizen.subject
    set_current_caller(Caller(subject, Role.CITIZEN))
    await door.at_the_door(FETCH, fetch(), "RATE_LIMITED")
    await door.at_the_door(FETCH, fetch("consent-unknown1"), "RATE_LIMITED")
    async with exchange.database.transaction():
        await ExchangeErasure(exchange.database, exchange.consents).erase(subject)
    rows = await exchange.database.fetch("SELECT * FROM exchange_turned_away")
    assert not {subject, CONSENT} & {str(value) for row in rows for value in row.values()}
    assert await waiting(exchange) == 2
    await door.flush()
    assert await against(exchange) == [("", "citizen", "READ", "RATE_LIMITED", 2)]


BANK, CITIZEN = Caller("bank.lending", Role.OPERATOR), Caller("net-0000000000000007", Role.CITIZEN)


async def against(exchange: Exchange) -> list[tuple[str, str, str, str, int]]:
    """What stands against callers, by the count that supervision asks for."""
    cells = await exchange.service.refused_calls.told("2000-01-01", "2999-12-31")
    return [(cell.caller, cell.role, cell.wanted, cell.outcome, cell.times) for cell in cells]


async def in_the_ledger(exchange: Exchange) -> list[dict[str, Any]]:
    leaves = await LeafRow.filter(record_id__startswith="refused-call:", subject=None).order_by("id")
    return [unpack_body(bytes(leaf.body))[0]["content"] for leaf in leaves]


@ON_BOTH
async def test_where_no_person_is_named_it_stands_against_the_caller(exchange: Exchange) -> None:
    await exchange.grant()
    door = exchange.service.turned_away
    set_current_caller(BANK)
    for number in range(7):
        await door.at_the_door(FETCH, fetch(f"consent-unknown{number}", "张三 11010519491231002X"), "PERMISSION_DENIED")
    await door.at_the_door(FETCH, object(), "INVALID_ARGUMENT")
    await door.at_the_door(ACT, pb.PerformActionRequest(consent_id="x" * 65), "INVALID_ARGUMENT")
    set_current_caller(CITIZEN)
    await door.at_the_door(FETCH, fetch("consent-unknown8"), "RATE_LIMITED")
    set_current_caller(ANONYMOUS)
    await door.at_the_door(FETCH, fetch("consent-unknown9"), "UNAUTHENTICATED")
    assert await door.flush() == 4 and await door.flush() == 0 and await records(exchange) == []
    assert sorted(await against(exchange)) == [
        # Citizens are told together.
        ("", "citizen", "READ", "RATE_LIMITED", 1),
        ("bank.lending", "operator", "ACTION", "INVALID_ARGUMENT", 1),
        ("bank.lending", "operator", "READ", "INVALID_ARGUMENT", 1),
        ("bank.lending", "operator", "READ", "PERMISSION_DENIED", 7),
    ]
    contents = await in_the_ledger(exchange)
    assert sum(content["times"] for content in contents) == 9
    # The ledger forgets nothing, so it never knew which citizen, nor what a stranger wrote.
    assert not {CITIZEN.id, "张三 11010519491231002X"} & {str(value) for each in contents for value in each.values()}
    [own] = (await exchange.service.access_records(CITIZEN.id, "", 50)).records
    assert (own.content["outcome"], own.content["requested_by"]) == ("REFUSED:RATE_LIMITED", CITIZEN.id)


@ON_BOTH
async def test_of_a_citizen_who_has_left_only_the_number_of_calls_is_written(exchange: Exchange) -> None:
    door = exchange.service.turned_away
    set_current_caller(CITIZEN)
    await door.hear(Refusal("consent-unknown1", True, "", "NOT_FOUND", CITIZEN.id))
    await exchange.vault.destroy_subject_key(CITIZEN.id)
    assert await door.flush() == 1
    assert await against(exchange) == [("", "citizen", "ACTION", "NOT_FOUND", 1)]
    assert not await LeafRow.filter(subject=CITIZEN.id).exists()
    assert [content["parties"] for content in await in_the_ledger(exchange)] == [[]]


async def test_unknown_consents_are_recorded_wherever_they_come_up(exchange: Exchange) -> None:
    await exchange.grant()
    set_current_caller(BANK)
    service, unknown = exchange.service, "consent-unknown1"
    assert await exchange.refused(1, consent_id=unknown) == "NOT_FOUND"
    for asked in (
        service.many.fetch(LENDING, "request-many-0001", unknown, (), 5.0),
        service.actions.perform(exchange.citizen.subject, Action("request-act-00001", unknown, "a.b/v1", b"sealed")),
    ):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await asked
    assert await service.turned_away.flush() == 2
    assert sorted(await against(exchange)) == [
        ("bank.lending", "operator", "ACTION", "NOT_FOUND", 1),
        ("bank.lending", "operator", "READ", "NOT_FOUND", 2),
    ]


async def test_strangers_to_a_consent_are_told_to_its_person_whatever_they_call(exchange: Exchange) -> None:
    await exchange.grant()
    service = exchange.service
    assert await exchange.refused(1, by="net-stranger") == "NOT_FOUND"
    for asked in (
        service.many.fetch("net-stranger", "request-many-0001", CONSENT, (), 5.0),
        service.actions.perform("net-stranger", Action("request-act-00001", CONSENT, "a.b/v1", b"sealed")),
    ):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await asked
    assert await service.turned_away.flush() == 2 and await against(exchange) == []
    found = await records(exchange)
    assert [(each["outcome"], each["requested_by"]) for each in found] == [("REFUSED:NOT_FOUND", "somebody-else")] * 3


@ON_BOTH
async def test_a_flood_by_somebody_known_is_counted_to_the_last(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turned_away, "MOST_HELD", 50)
    set_current_caller(BANK)
    door = exchange.service.turned_away
    floods = [fetch(f"consent-{number:08d}x", "x" * 10_000) for number in range(500)]
    await asyncio.gather(*(door.at_the_door(FETCH, flood, "PERMISSION_DENIED") for flood in floods))
    [row] = await exchange.database.fetch("SELECT name, consent_id, count FROM exchange_turned_away")
    assert (row["name"], row["consent_id"], row["count"]) == ("", "", 500)
    door._hold(
        Counter(Refusal(f"consent-{number:08d}x", False, "", "PERMISSION_DENIED", "", BANK) for number in range(500))
    )
    assert len(door._held) <= 51
    assert await door.flush() == 1
    assert await against(exchange) == [("bank.lending", "operator", "READ", "PERMISSION_DENIED", 1_000)]


@ON_BOTH
async def test_what_stands_against_a_caller_is_written_whole_or_kept(exchange: Exchange) -> None:
    set_current_caller(BANK)
    door = exchange.service.turned_away
    await door.hear(Refusal("consent-unknown1", False, DATASET, "NOT_FOUND", ""))
    async for _ in break_at_each_statement(exchange.database, door.flush):
        assert await against(exchange) == [] and await waiting(exchange) == 1
    assert [cell[-1] for cell in await against(exchange)] == [1] and len(await in_the_ledger(exchange)) == 1
