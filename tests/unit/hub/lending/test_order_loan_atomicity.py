"""Every multi-step write of an order loan, broken at each of its statements; messages that come again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hub.platform.database import Database
from hub.platform.outbox import Message
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.test_order_loans import (
    LOAN,
    ORDER,
    applied,
    billed,
    delivered,
    ordered,
    paid_out,
    seen,
    signed,
)
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import sign

Work = Callable[[], Awaitable[object]]
Scene = Callable[[LendingWorld], Awaitable[Work]]


async def applying(world: LendingWorld) -> Work:
    await ordered(world)
    return lambda: applied(world)


async def signing(world: LendingWorld) -> Work:
    await (await applying(world))()
    return lambda: signed(world)


async def withdrawing(world: LendingWorld) -> Work:
    await (await applying(world))()
    return lambda: world.run(lambda: world.service.orders.withdraw(SUPPLIER, LOAN))


async def paying_out(world: LendingWorld) -> Work:
    await decided(world, "FINANCED")
    return lambda: world.service.orders.conclude(Message("lending.order-conclude", "test", {"id": LOAN}))


async def rejecting(world: LendingWorld) -> Work:
    await decided(world, "REFUSED")
    return lambda: world.service.orders.conclude(Message("lending.order-conclude", "test", {"id": LOAN}))


async def decided(world: LendingWorld, state: str) -> None:
    await (await signing(world))()
    await answered(world, str((await seen(world)).application.claim_id), state)


async def answered(world: LendingWorld, claim_id: str, state: str) -> None:
    payload: dict[str, object] = {"claim_id": claim_id, "state": state, "reason": ""}
    await world.service.claim_decided(Message("claim.decided", "test", payload))
    if state == "FINANCED":
        await world.service.registrations.register(Message("", "test", payload))


async def pledging(world: LendingWorld) -> Work:
    await paid_out(world)
    receivable = await world.trade.matched_on(ORDER, steel="40")
    message = await world.trade.service.confirmations.prepare(BUYER, receivable.receivable_id)
    await world.trade.service.authenticity.check(receivable.receivable_id)
    confirm = world.trade.service.confirmations.confirm
    return lambda: world.run(lambda: confirm(BUYER, message, sign(message)))


async def converting(world: LendingWorld) -> Work:
    return await _converting(world, "FINANCED")


async def losing(world: LendingWorld) -> Work:
    return await _converting(world, "REFUSED")


async def _converting(world: LendingWorld, state: str) -> Work:
    await paid_out(world)
    world.clock.advance(timedelta(days=5))
    await billed(world, steel="40")
    (conversion,) = (await seen(world)).conversions
    await answered(world, conversion.claim_id, state)
    message = Message("lending.convert", "test", {"id": conversion.id})
    return lambda: world.service.orders.conversions.convert(message)


async def calling_in(world: LendingWorld) -> Work:
    await paid_out(world)
    world.trade.erps.put(trade.order(), erp_state="cancelled")
    await world.trade.sync()
    message = Message("lending.order-changed", "test", {"id": LOAN})
    return lambda: world.service.orders.conversions.order_changed(message)


async def repaying(world: LendingWorld) -> Work:
    await paid_out(world)
    await delivered(world, steel="40")
    loan_id = str((await seen(world)).conversions[0].receivable_loan_id)
    owed_fen = int((await world.service.loans.get(SUPPLIER, loan_id)).owed.total_fen)
    return lambda: world.repay(SUPPLIER, owed_fen, loan_id)


SCENES: list[Scene] = [
    applying,
    signing,
    withdrawing,
    paying_out,
    rejecting,
    pledging,
    converting,
    losing,
    calling_in,
    repaying,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: str(scene.__name__))
async def test_nothing_is_left_half_done(world: LendingWorld, database: Database, scene: Scene) -> None:
    work = await scene(world)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, work):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    assert await world.snapshot() != before
    await world.check_books()


@pytest.mark.parametrize("scene", [paying_out, rejecting, converting, losing, calling_in], ids=lambda one: one.__name__)
async def test_a_message_that_comes_again_changes_nothing(world: LendingWorld, scene: Scene) -> None:
    work = await scene(world)
    await work()
    before = await world.snapshot()
    await work()
    assert await world.snapshot() == before
