"""Every use case broken at each of its statements leaves nothing half done, and can be done again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, sign

Step = Callable[[World], Awaitable[object]]
Scene = Callable[[World], Awaitable[Step]]


class Cut(Exception):
    """The power went off before a statement."""


async def taking_in(world: World) -> Step:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    pulled = await world.service.trade.pull(trade.BUYER)
    return lambda world: world.service.trade.take_in(pulled)


async def taking_in_a_change(world: World) -> Step:
    await world.matched()
    world.erps.put(trade.receipt("shipment-1", steel="30"))
    world.erps.put(trade.invoice("invoice-2", steel="30"))
    pulled = await world.service.trade.pull(trade.BUYER)
    return lambda world: world.service.trade.take_in(pulled)


async def confirming(world: World) -> Step:
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    await world.service.authenticity.check(receivable.receivable_id)
    return lambda world: world.service.confirmations.confirm(trade.BUYER, message, sign(message))


async def issuing(world: World) -> Step:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    return lambda world: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100)


async def accepting(world: World) -> Step:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    await world.run(lambda: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))
    return lambda world: world.service.certificates.accept(trade.SUPPLIER, "certificate-1")


async def refusing_at_the_root(world: World) -> Step:
    await accepting(world)
    return lambda world: world.service.certificates.refuse(trade.SUPPLIER, "certificate-1")


async def splitting(world: World) -> Step:
    await world.held(amount_fen=100)
    parts = [("certificate-a", 60), ("certificate-b", 40)]
    return lambda world: world.service.certificates.split(trade.SUPPLIER, "certificate-1", parts)


async def transferring(world: World) -> Step:
    await world.held()
    transfer = world.service.certificates.transfer
    return lambda world: transfer(trade.SUPPLIER, "certificate-1", "certificate-2", trade.SECOND_TIER)


async def refusing_a_transfer(world: World) -> Step:
    transfer = await transferring(world)
    await world.run(lambda: transfer(world))
    return lambda world: world.service.certificates.refuse(trade.SECOND_TIER, "certificate-2")


async def blocking(world: World) -> Step:
    await world.held()
    return lambda world: world.service.block_for_financing("certificate-1", "financing-1")


async def financing(world: World) -> Step:
    block = await blocking(world)
    await world.run(lambda: block(world))
    return lambda world: world.service.mark_financed("certificate-1", "financing-1")


async def falling_due(world: World) -> Step:
    transfer = await transferring(world)
    await world.run(lambda: transfer(world))
    receivable_id = (await world.service.get_certificate("certificate-1")).receivable_id
    world.clock.advance(dt.timedelta(days=40))
    return lambda world: world.service.fall_due(receivable_id)


async def redeeming(world: World) -> Step:
    certificate = await world.held()
    world.clock.advance(dt.timedelta(days=40))
    await world.run(lambda: world.service.fall_due(certificate.receivable_id))
    return lambda world: world.service.redeem("certificate-1")


async def settling(world: World) -> Step:
    redeem = await redeeming(world)
    await world.run(lambda: redeem(world))
    receivable_id = (await world.service.get_certificate("certificate-1")).receivable_id
    return lambda world: world.service.settle(receivable_id)


SCENES: list[Scene] = [
    taking_in,
    taking_in_a_change,
    confirming,
    issuing,
    accepting,
    refusing_at_the_root,
    splitting,
    transferring,
    refusing_a_transfer,
    blocking,
    financing,
    falling_due,
    redeeming,
    settling,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_broken_at_any_statement_nothing_is_half_done(world: World, scene: Scene) -> None:
    step = await scene(world)
    before = await world.snapshot()
    broken = 0
    while await cut_before(world, broken, step):
        assert await world.snapshot() == before, f"half done after statement {broken}"
        broken += 1
    assert broken >= 3, "begin, at least one write and commit were broken"
    assert await world.snapshot() != before


async def cut_before(world: World, number: int, step: Step) -> bool:
    """Run the step with the power going off before its statement `number`; False once it got through."""
    count = 0

    def listener(sql: str) -> None:
        nonlocal count
        if count == number:
            raise Cut(sql)
        count += 1

    world.database.on_statement = listener
    try:
        await world.run(lambda: step(world))
    except Cut:
        return True
    finally:
        world.database.on_statement = None
    return False
