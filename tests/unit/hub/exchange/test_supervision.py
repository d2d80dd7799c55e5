"""Supervisors' questions: aggregates of nobody, every question recorded, a person told of those about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from huilian.supervision.v1 import supervision_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from hub.exchange.store import TallyRow
from hub.ledger.log.store import LeafRow
from hub.ledger.rules import unpack_body
from hub.platform.business_day import business_date
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.supervision.rpc import SupervisionServicer
from hub.supervision.service import LEAST_COUNT, SupervisionService
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.exchange.conftest import DATASET, Exchange

SUPERVISOR = "supervisor.nfra"


@pytest.fixture
def servicer(exchange: Exchange) -> SupervisionServicer:
    set_current_caller(Caller(SUPERVISOR, Role.SUPERVISOR))
    service = SupervisionService(exchange.clock, exchange.service, exchange.service._access_log._ledger)
    return SupervisionServicer(service, Idempotency(exchange.database, exchange.clock, exchange.vault))


def question(exchange: Exchange, number: int = 1, **changes: str) -> pb.GetAccessVolumesRequest:
    day = (business_date(exchange.clock.now()) - timedelta(days=1)).isoformat()
    return pb.GetAccessVolumesRequest(
        **{"request_id": f"question-{number:04d}", "from_day": day, "to_day": day, **changes}
    )


async def test_volumes_of_days_that_are_over_without_small_numbers(
    exchange: Exchange, servicer: SupervisionServicer
) -> None:
    await exchange.grant(max_reads=LEAST_COUNT)
    for number in range(LEAST_COUNT):
        await exchange.fetch(number)
    await exchange.refused(99, fields=("opened_month",))
    await exchange.service.events.drain()
    exchange.clock.advance(timedelta(days=1))
    answer = await servicer.GetAccessVolumes(question(exchange), None)
    cells = {cell.outcome: cell for cell in answer.volumes}
    assert (cells["DELIVERED"].count, cells["DELIVERED"].dataset_id) == (LEAST_COUNT, DATASET)
    [withheld] = [cell for outcome, cell in cells.items() if outcome != "DELIVERED"]
    assert (withheld.count, withheld.is_withheld, answer.least_count) == (0, True, LEAST_COUNT)
    assert exchange.citizen.subject.encode() not in answer.SerializeToString()


async def test_every_question_stands_in_the_ledger_and_in_the_public_log(
    exchange: Exchange, servicer: SupervisionServicer
) -> None:
    first = await servicer.GetAccessVolumes(question(exchange), None)
    assert await servicer.GetAccessVolumes(question(exchange), None) == first
    await servicer.GetAccessVolumes(question(exchange, 2, agency_id="tax"), None)
    set_current_caller(Caller("anybody", Role.ANONYMOUS))
    listed = (await servicer.ListSupervisionQueries(pb.ListSupervisionQueriesRequest(), None)).queries
    assert {query.supervisor_id for query in listed} == {SUPERVISOR} and len(listed) == 2
    leaf = await LeafRow.get(record_id=first.query_record_id)
    content = unpack_body(bytes(leaf.body))[0]["content"]
    assert (content["supervisor"], content["question"]) == (SUPERVISOR, "GetAccessVolumes")
    assert leaf.subject is None


async def test_a_person_sees_who_asked_about_them_and_why(exchange: Exchange, servicer: SupervisionServicer) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.refused(2, fields=("opened_month",))
    request = pb.CountSubjectAccessesRequest(
        request_id="question-0009", subject=exchange.citizen.subject, case_reference="2026/117"
    )
    answer = await servicer.CountSubjectAccesses(request, None)
    assert {(count.outcome, count.count) for count in answer.counts} == {("DELIVERED", 1), ("FIELD_NOT_GRANTED", 1)}
    newest = (await exchange.records())[0].content
    assert (newest["recipient"], newest["purpose"], newest["case_reference"]) == (SUPERVISOR, "SUPERVISION", "2026/117")
    assert newest["chain"]["sequence"] == 3
    [query] = (await servicer.ListSupervisionQueries(pb.ListSupervisionQueriesRequest(), None)).queries
    assert exchange.citizen.subject not in str(query)
    await exchange.service.events.drain()
    page = await exchange.service.notices.page(exchange.citizen.subject, "", 50)
    assert {item["purpose"] for notice in page.notices for item in notice.items} == {"LOAN_APPLICATION", "SUPERVISION"}
    assert [row.agency for row in await TallyRow.all()] == ["housing_fund"] * 2


async def test_a_question_that_breaks_leaves_neither_answer_nor_record(
    exchange: Exchange, servicer: SupervisionServicer
) -> None:
    async def ask() -> None:
        await servicer.GetAccessVolumes(question(exchange), None)

    async for _ in break_at_each_statement(exchange.database, ask):
        assert await LeafRow.all().count() == 0
        assert not (await servicer.ListSupervisionQueries(pb.ListSupervisionQueriesRequest(), None)).queries
    assert await LeafRow.all().count() == 1


@pytest.mark.parametrize(
    "days",
    [
        ("2026-03-02", "2026-03-02"),
        ("2026-02-02", "2026-02-01"),
        ("2025-01-01", "2026-01-01"),
        ("2026-02-30", "2026-03-01"),
    ],
)
async def test_odd_periods_are_refused(
    exchange: Exchange, servicer: SupervisionServicer, days: tuple[str, str]
) -> None:
    with pytest.raises(HuilianError) as refusal:
        await servicer.GetAccessVolumes(question(exchange, from_day=days[0], to_day=days[1]), None)
    assert refusal.value.code == "INVALID_ARGUMENT"


async def test_nobody_can_be_asked_about_who_is_not_there(exchange: Exchange, servicer: SupervisionServicer) -> None:
    request = pb.CountSubjectAccessesRequest(request_id="question-0009", subject="nobody-0001", case_reference="x")
    with pytest.raises(HuilianError) as refusal:
        await servicer.CountSubjectAccesses(request, None)
    assert refusal.value.code == "NOT_FOUND"


async def test_supervisors_are_told_who_was_refused_without_a_consent(
    exchange: Exchange, servicer: SupervisionServicer
) -> None:
    set_current_caller(Caller("connector.tax", Role.CONNECTOR))
    for _ in range(3):
        await exchange.refused(1, consent_id="consent-unknown1")
    await exchange.service.turned_away.flush()
    set_current_caller(Caller(SUPERVISOR, Role.SUPERVISOR))
    today = business_date(exchange.clock.now())
    wanted = pb.GetRefusedCallsRequest(request_id="question-0001", from_day=today.isoformat(), to_day=today.isoformat())
    answer = await servicer.GetRefusedCalls(wanted, None)
    [cell] = answer.refused_calls
    assert (cell.caller_id, cell.caller_role, cell.wanted) == ("connector.tax", "connector", "READ")
    assert (cell.outcome, cell.count, cell.day) == ("NOT_FOUND", 3, today.isoformat())
    assert await LeafRow.filter(record_id=answer.query_record_id).exists()
    tomorrow = (today + timedelta(days=1)).isoformat()
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await servicer.GetRefusedCalls(
            pb.GetRefusedCallsRequest(request_id="question-0002", from_day=tomorrow, to_day=tomorrow), None
        )
