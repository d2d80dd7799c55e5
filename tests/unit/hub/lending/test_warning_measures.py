"""What early warning counts: shares, falling orders, disputes, connectors that fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from huilian_protocol.errors import HuilianError

from hub.exchange.service import Volume
from hub.lending.limits.desk import Parties
from hub.lending.warnings import stored as stored_warnings
from hub.lending.warnings.rules import (
    Level,
    Subject,
)
from hub.receivables.disputes.desk import Ground
from tests.unit.hub.lending.test_early_warnings import ON_SQLITE, K, next_day, warned
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, refused
from tests.unit.hub.receivables import trade


@ON_SQLITE
async def test_shares_of_the_bank_and_of_a_supplier(world: LendingWorld) -> None:
    limits = world.service.limits
    await world.run(lambda: limits.join_group(SECOND_TIER, "group-1"))
    for number, (buyer, supplier, fen) in enumerate(
        [(BUYER, SUPPLIER, 60), (SECOND_TIER, SUPPLIER, 25), (SECOND_TIER, BUYER, 15)]
    ):
        party = f"receivable-loan:{buyer}"
        parties = Parties("receivable-loan", buyer, supplier)
        await world.run(lambda: limits.ensure(party, 10**10))  # noqa: B023
        await world.run(lambda: limits.block(party, f"f-{number}", fen, parties))  # noqa: B023
    bank = await stored_warnings.shares_of_bank(world.database)
    assert set(bank) == {
        (Subject(K.BUYER, BUYER), 60, 100),
        (Subject(K.BUYER, SECOND_TIER), 40, 100),
        (Subject(K.GROUP, "group-1"), 40, 100),
    }
    suppliers = await stored_warnings.shares_of_suppliers(world.database)
    assert set(suppliers) == {(Subject(K.SUPPLIER, SUPPLIER), 60, 85), (Subject(K.SUPPLIER, BUYER), 15, 15)}


@ON_SQLITE
async def test_too_much_on_one_core_enterprise_is_red_for_its_group_too(
    world: LendingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    limits, party = world.service.limits, f"receivable-loan:{BUYER}"
    await world.run(lambda: limits.join_group(BUYER, "group-1"))
    await world.run(lambda: limits.ensure(party, 10**11))
    await world.run(lambda: limits.block(party, "f-1", 10**10, Parties("receivable-loan", BUYER, SUPPLIER)))
    await world.service.warnings.run()
    red = {(one.rule, one.subject.kind) for one in await warned(world, level="RED")}
    assert red == {
        ("BANK_CONCENTRATION", K.BUYER),
        ("BANK_CONCENTRATION", K.GROUP),
        ("SUPPLIER_CONCENTRATION", K.SUPPLIER),
    }
    assert [record.message for record in caplog.records].count("lending.warning_red") == 3
    stands = await world.service.warnings.facts(BUYER, SECOND_TIER)
    assert stands["red_warning_rules"] == "BANK_CONCENTRATION/1:BUYER,BANK_CONCENTRATION/1:GROUP"


async def test_orders_fell_against_the_same_months_before(world: LendingWorld) -> None:
    def put(name: str, day: date, fen: int, state: str = "posted") -> None:
        order = replace(trade.order(document_id=name), issue_date=day, payable_amount_fen=fen)
        world.trade.erps.put(order, state)

    put("old-1", date(2024, 12, 1), 40_000_000)
    put("old-2", date(2025, 2, 28), 20_000_000)
    put("outside", date(2025, 3, 1), 90_000_000)
    put("new-1", date(2026, 2, 28), 17_000_000)
    put("withdrawn", date(2026, 1, 5), 50_000_000, "cancelled")
    put("running", date(2026, 3, 1), 90_000_000)
    await world.trade.sync()
    await world.service.warnings.run()
    found = await warned(world, rule="FALLING_ORDERS")
    assert [(one.subject.kind, one.subject.id, one.level) for one in found] == [
        (K.BUYER, BUYER, Level.RED),
        (K.SUPPLIER, SUPPLIER, Level.RED),
    ]
    assert found[0].facts == {"drop_percent": 71, "before_fen": 60_000_000, "recent_fen": 17_000_000}


async def test_repeated_disputes_count_for_both_parties_and_for_half_a_year(world: LendingWorld) -> None:
    for name in ("1", "2"):
        receivable = await world.trade.confirmed(name)
        dispute = world.trade.service.disputes.dispute
        await world.run(lambda: dispute(BUYER, receivable.receivable_id, Ground.QUALITY, "质量"))  # noqa: B023
    await world.service.warnings.run()
    found = await warned(world, rule="REPEATED_DISPUTES")
    assert [(one.subject.id, one.level) for one in found] == [(BUYER, Level.WATCH), (SUPPLIER, Level.WATCH)]
    assert found[0].facts == {"disputes": 2, "dilutions": 0, "cases": 2}
    await next_day(world, 181)
    assert await warned(world, rule="REPEATED_DISPUTES") == []


@ON_SQLITE
async def test_a_connector_that_fails_for_days_and_one_that_came_back(
    world: LendingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> object:
        raise HuilianError("PROVIDER_TIMEOUT", provider="ERP")

    answers = world.trade.erps.list_documents
    monkeypatch.setattr(world.trade.erps, "list_documents", away)
    for _ in range(5):
        await refused("PROVIDER_TIMEOUT", world.trade.sync())
        world.clock.advance(timedelta(hours=18))
    await world.service.warnings.run()
    (one,) = await warned(world, rule="ERP_CONNECTOR_TROUBLE")
    assert (one.subject.id, one.level, one.facts) == (BUYER, Level.RED, {"failures": 5, "hours": 90})
    monkeypatch.setattr(world.trade.erps, "list_documents", answers)
    await world.trade.sync()
    await next_day(world)
    assert await warned(world) == []


async def test_what_a_source_is_not_answerable_for_is_no_trouble_of_its(world: LendingWorld) -> None:
    day = "2026-03-01"
    counts = {"DELIVERED": 60, "PROVIDER_TIMEOUT": 30, "PROVIDER_FAULT": 10, "CONSENT_REVOKED": 500}
    world.sources.cells = [Volume(day, "tax", "d", "p", outcome, count) for outcome, count in counts.items()]
    world.sources.cells.append(Volume("2026-02-01", "tax", "d", "p", "PROVIDER_FAULT", 10**6))
    await world.service.warnings.run()
    (one,) = await warned(world)
    assert (one.subject, one.level) == (Subject(K.CONNECTOR, "tax"), Level.AMBER)
    assert one.facts == {"failure_percent": 40, "failures": 40}
