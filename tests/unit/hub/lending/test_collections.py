"""Collections: each step once, what was missed is made up for, and how it ended is said once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from huilian.lending.v1 import collection_service_pb2 as pb

from hub.lending.collections.dunning import load_steps, read_steps, steps_due
from hub.lending.collections.rpc import CollectionServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.test_clearing import AMOUNT, DUE, receivable_id
from tests.unit.hub.lending.world import BUYER, LendingWorld, move_to, refused


def test_the_steps_in_force_come_in_order_in_both_languages() -> None:
    steps = load_steps()
    assert [step.step for step in steps_due(steps, 7)] == ["BUYER_NOTICE", "BORROWER_NOTICE", "CALL"]
    assert not steps_due(steps, 0)
    assert all(step.text_zh and step.text_en for step in steps)


@pytest.mark.parametrize("days", [[3, 1], [0, 1]])
def test_steps_out_of_order_or_too_early_are_refused(days: list[int]) -> None:
    raw = [{"step": f"S{day}", "days_overdue": day, "zh": "x", "en": "x"} for day in days]
    with pytest.raises(ValueError, match="named once"):
        read_steps({"steps": raw})


async def late(world: LendingWorld, days: int) -> str:
    """A receivable that is this late, with every step raised that is due."""
    await world.disbursed()
    move_to(world.clock, DUE + timedelta(days=days))
    await world.service.tick()
    return await receivable_id(world)


async def steps_of(world: LendingWorld, name: str) -> list[str]:
    page = await world.service.collections.page_of(name, 50, "")
    return sorted(event.step for event in page.items)


async def test_what_fell_due_meanwhile_is_raised_once(world: LendingWorld) -> None:
    name = await late(world, 7)
    assert await steps_of(world, name) == ["BORROWER_NOTICE", "BUYER_NOTICE", "CALL"]
    before = await world.snapshot()
    await world.service.tick()
    assert await world.snapshot() == before
    records = await world.trade.records()
    assert records[f"collection-raised:{name}:CALL"][1]["days_overdue"] == 7


async def test_a_receivable_that_was_paid_is_left_alone(world: LendingWorld) -> None:
    name = await late(world, 1)
    await world.fund(BUYER, AMOUNT)
    await world.service.tick()
    world.clock.advance(timedelta(days=60))
    await world.service.tick()
    assert await steps_of(world, name) == ["BUYER_NOTICE"]


async def test_broken_at_each_statement_no_step_is_lost_or_raised_twice(
    world: LendingWorld, database: Database
) -> None:
    name = await late(world, 1)
    world.clock.advance(timedelta(days=40))
    async for _ in break_at_each_statement(database, world.service.collections.run):
        raised = await steps_of(world, name)
        records = [name for name in await world.trade.records() if name.startswith("collection-raised:")]
        assert len(records) == len(raised)
    assert len(await steps_of(world, name)) == 4


async def test_an_operator_says_once_how_a_step_ended(world: LendingWorld) -> None:
    name = await late(world, 1)
    servicer = CollectionServicer(world.service, Idempotency(world.database, world.clock))
    set_current_caller(Caller("operator", Role.OPERATOR))
    request = pb.ResolveCollectionEventRequest(
        request_id="request-1", event_id=f"{name}:BUYER_NOTICE", note="承诺周五付款"
    )
    event = (await servicer.ResolveCollectionEvent(request, None)).event
    assert (event.resolved_by, event.note, event.step.code) == ("operator", "承诺周五付款", "BUYER_NOTICE")
    again = pb.ResolveCollectionEventRequest(request_id="request-2", event_id=request.event_id, note="x")
    await refused("STATE_CONFLICT", servicer.ResolveCollectionEvent(again, None))
    listed = await servicer.ListCollectionEvents(pb.ListCollectionEventsRequest(), None)
    assert [item.event_id for item in listed.events] == [request.event_id]
    unknown = pb.ResolveCollectionEventRequest(request_id="request-3", event_id=f"{name}:LEGAL", note="x")
    await refused("NOT_FOUND", servicer.ResolveCollectionEvent(unknown, None))
