"""The credit desk on the wire: products, limits and groups, exposure by who asks, decisions counted and made again."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from huilian.lending.v1 import credit_service_pb2 as pb

from hub.lending.decisions import log as decision_log
from hub.lending.decisions.tables import FOLDER as TABLES_FOLDER
from hub.lending.decisions.tables import DecisionTable, DecisionTables
from hub.lending.rpc_credit import CreditServicer
from hub.lending.store import DecisionRow
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.unit.hub.lending.test_rules import raw_table
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, refused

CJK = re.compile(r"[\u4e00-\u9fff]")
Desk = Callable[..., Awaitable[Any]]


@pytest.fixture
def desk(world: LendingWorld) -> Desk:
    """Calls the servicer as somebody."""
    servicer = CreditServicer(world.service, Idempotency(world.database, world.clock), world.clock)
    numbers = itertools.count(1)

    async def call(request: Any, role: Role = Role.OPERATOR) -> Any:
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = f"request-{next(numbers)}"
        set_current_caller(Caller("staff-1", role))
        answer = await getattr(servicer, type(request).__name__.removesuffix("Request"))(request, None)
        return type(answer).FromString(answer.SerializeToString())

    return call


async def test_products_are_shown_with_their_rates(desk: Desk) -> None:
    products = {one.product_id: one for one in (await desk(pb.ListProductsRequest(), Role.ANONYMOUS)).products}
    loan = products["receivable-loan"]
    assert list(loan.annual_rates) == ["0.0385", "0.0435", "0.0480"]
    assert (loan.version, loan.on_offer, loan.repayment_kind, loan.advance_rate) == (1, True, "bullet", "0.90")
    assert all(one.annual_rates and CJK.search(one.text_zh) and one.text_en for one in products.values())


async def test_limits_groups_and_exposure(world: LendingWorld, desk: Desk) -> None:
    await desk(pb.SetEnterpriseGroupRequest(enterprise_uscc=BUYER, group_id="group-1"))
    await world.held()
    await world.offered()
    group = {"dimension": pb.LIMIT_DIMENSION_GROUP, "party": "group-1"}
    await refused("LIMIT_EXCEEDED", desk(pb.SetLimitRequest(**group, limit_fen=44_999)))
    left = await desk(pb.SetLimitRequest(**group, limit_fen=50_000))
    assert left.available.amount_fen == 5_000
    lines = {line.dimension: line for line in (await desk(pb.GetExposureRequest())).lines}
    assert len(lines) == 4 and all(line.blocked.amount_fen == 45_000 for line in lines.values())
    assert lines[pb.LIMIT_DIMENSION_SUPPLIER].party == SUPPLIER
    assert lines[pb.LIMIT_DIMENSION_GROUP].limit.amount_fen == 50_000
    seen = {line.dimension: line for line in (await desk(pb.GetExposureRequest(), Role.SUPERVISOR)).lines}
    assert SUPPLIER not in str(seen)
    small = seen[pb.LIMIT_DIMENSION_SUPPLIER]
    assert (small.party, small.parties, small.blocked.amount_fen, small.share) == ("", 1, 45_000, "1.0000")


async def test_decisions_are_counted(world: LendingWorld, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "BATCH", 2)
    facts = {
        "amount_fen": 45_000,
        "certificate_fen": 50_000,
        "term_days": 200,
        "applicant_overdue_loans": 0,
        "buyer_overdue_receivables": 0,
        "red_warnings": 0,
        "red_warning_rules": "",
    }
    for changed in [{}, {}, {"term_days": 30}, {"applicant_overdue_loans": 1, "buyer_overdue_receivables": 2}]:
        given = {**facts, **changed}
        await world.run(lambda given=given: world.service.decisions.decide("receivable-loan", given, None))
    today = world.service.loans.today().isoformat()
    answer = await desk(pb.GetDecisionReportRequest(from_day=today, to_day=today))
    counted = {one.table: one for one in answer.tables}["receivable-loan"]
    assert (counted.total, counted.approved, counted.rejected, counted.automatic_share) == (4, 3, 1, "1.0000")
    assert [(one.reason.code, one.count) for one in counted.reasons] == [
        ("TERM_ABOVE_SIX_MONTHS", 2),
        ("APPLICANT_OVERDUE", 1),
        ("BUYER_OVERDUE", 1),
    ]
    assert all(CJK.search(one.reason.text_zh) for one in counted.reasons)
    before = await desk(pb.GetDecisionReportRequest(from_day="2020-01-01", to_day="2020-12-31"))
    assert all(one.total == 0 for one in before.tables)
    await refused("INVALID_ARGUMENT", desk(pb.GetDecisionReportRequest(from_day=today, to_day="2020-01-01")))
    await refused("INVALID_ARGUMENT", desk(pb.GetDecisionReportRequest(from_day="2020-01-01", to_day="2022-01-01")))


async def test_a_decision_is_made_again(world: LendingWorld, desk: Desk) -> None:
    citizen = world.borrower()
    applied = await world.applied(citizen)
    again = await desk(pb.ReplayDecisionRequest(decision_id=applied.decision_id))
    assert again.is_same and again.recorded == again.replayed == again.newest and not again.differences
    assert again.recorded.outcome == "APPROVED" and "annual_rate" in again.recorded.offer
    await refused("NOT_FOUND", desk(pb.ReplayDecisionRequest(decision_id="decision-unknown")))


async def test_the_newest_table_may_say_something_else(world: LendingWorld, desk: Desk) -> None:
    await world.held()
    financing = await world.offered()
    newer = raw_table()
    newer["version"] = 4
    newer["graph"]["nodes"][3]["content"]["rules"][0]["o0"] = "'0.0500'"
    world.service.decisions._tables = DecisionTables([DecisionTable(raw_table()), DecisionTable(newer)])
    again = await desk(pb.ReplayDecisionRequest(decision_id=financing.decision_id))
    assert again.is_same and again.newest.rule_version == "receivable-loan/4"
    assert again.facts["red_warnings"] == "0" and again.facts["term_days"]
    assert list(again.differences) == ["offer.annual_rate"]
    newer["inputs"]["another"] = "integer"
    world.service.decisions._tables = DecisionTables([DecisionTable(raw_table()), DecisionTable(newer)])
    again = await desk(pb.ReplayDecisionRequest(decision_id=financing.decision_id))
    assert not again.HasField("newest") and list(again.differences) == ["facts"]


async def test_a_record_that_was_changed_is_told(world: LendingWorld, desk: Desk) -> None:
    await world.held()
    financing = await world.offered()
    await DecisionRow.filter(decision_id=financing.decision_id).update(offer={"annual_rate": "0.0100"})
    again = await desk(pb.ReplayDecisionRequest(decision_id=financing.decision_id))
    assert not again.is_same and again.recorded.offer["annual_rate"] == "0.0100"


@pytest.mark.parametrize("path", sorted(TABLES_FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_code_that_a_table_gives_is_explained_in_chinese(path: Any) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    table, given = DecisionTable(raw), set()
    for content in (node.get("content", {}) for node in raw["graph"]["nodes"]):
        columns = [one["id"] for one in content.get("outputs", ()) if one["field"] in ("code", "note")]
        given |= {rule[column].strip("'") for rule in content.get("rules", ()) for column in columns} - {""}
    assert given and given <= table.codes
    for code in table.codes:
        reason = table.reason(code)
        assert len(CJK.findall(reason.text_zh)) >= 4 and reason.text_en, code
