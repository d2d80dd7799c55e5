"""Every multi-step write, broken at each of its SQL statements, leaves nothing; done again it is done once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest

from hub.platform.database import Database
from hub.platform.outbox import Message
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon, move_to

Work = Callable[[], Awaitable[object]]
Scene = Callable[[LendingWorld], Awaitable[Work]]


async def applying(world: LendingWorld) -> Work:
    await world.held()
    return world.offered


async def accepting(world: LendingWorld) -> Work:
    await applying(world)
    await world.offered()
    return world.signed


async def withdrawing(world: LendingWorld) -> Work:
    await applying(world)
    await world.offered()
    return world.withdrawn


async def deciding(world: LendingWorld) -> Work:
    return await _decided(world, "FINANCED")


async def refusing(world: LendingWorld) -> Work:
    await (await _decided(world, "REFUSED"))()
    return _concluding(world)


async def _decided(world: LendingWorld, state: str) -> Work:
    await accepting(world)
    claim_id = (await world.signed()).claim_id
    payload: dict[str, object] = {"claim_id": claim_id, "state": state, "reason": "CLAIM_ALREADY_FINANCED"}
    return lambda: world.service.claim_decided(Message("claim.decided", "test", payload))


async def disbursing(world: LendingWorld) -> Work:
    await (await deciding(world))()
    claim: dict[str, object] = {"claim_id": (await world.financing()).claim_id}
    await world.service.registrations.register(Message("", "test", claim))
    return _concluding(world)


def _concluding(world: LendingWorld) -> Work:
    payload: dict[str, object] = {"financing_id": "financing-1"}
    return lambda: world.service.financings.conclude(Message("lending.conclude", "test", payload))


async def expiring(world: LendingWorld) -> Work:
    await applying(world)
    await world.offered()
    world.clock.advance(timedelta(days=2))
    return world.service.financings.expire


async def repaying_early(world: LendingWorld) -> Work:
    await world.disbursed()
    await world.fund(SUPPLIER, 1_000)
    owed = await world.service.loans.payoff(SUPPLIER, "financing-1")
    return lambda: world.repay(SUPPLIER, int(owed.total_fen), "financing-1")


async def deciding_on_a_person(world: LendingWorld) -> Work:
    citizen = world.borrower()
    return lambda: world.applied(citizen)


async def signing(world: LendingWorld) -> Work:
    citizen = world.borrower()
    offer = await world.applied(citizen)
    assertion = citizen.device.sign(offer.challenge)
    return lambda: world.sign(citizen, assertion, "application-1")


async def drawing(world: LendingWorld) -> Work:
    citizen = world.borrower()
    await world.borrowed(citizen)
    return lambda: world.draw(citizen.subject, 100_000)


async def repaying(world: LendingWorld) -> Work:
    citizen = world.borrower()
    await world.borrowed(citizen)
    world.clock.advance(timedelta(days=5))
    return lambda: world.repay(citizen.subject, 100_000)


async def overdue(world: LendingWorld) -> str:
    """The buyer did not pay on the due date."""
    await world.disbursed()
    await world.fund(SUPPLIER, 1_000)
    move_to(world.clock, at_noon(2026, 4, 20))
    await world.service.tick()
    return "financing-1"


async def having_recourse(world: LendingWorld) -> Work:
    loan_id = await overdue(world)
    return lambda: world.run(lambda: world.service.workouts.recourse(loan_id, 10**9))


async def buying_back(world: LendingWorld) -> Work:
    loan_id = await overdue(world)
    await world.fund(BUYER, 46_000)
    return lambda: world.run(lambda: world.service.workouts.buy_back(loan_id, BUYER))


async def restructuring(world: LendingWorld) -> Work:
    loan_id, desk = await overdue(world), world.service.restructurings
    plan = {"kind": "equal_principal", "first_due_date": "2026-05-20", "every_months": 1}
    await world.run(lambda: desk.offer(loan_id, "0.06", date(2026, 8, 20), plan))
    return lambda: world.run(lambda: desk.offer(loan_id, "0.05", date(2026, 8, 20), plan))


async def agreeing(world: LendingWorld) -> Work:
    await (await restructuring(world))()
    sign = world.service.restructurings.sign
    return lambda: world.run(lambda: sign(SUPPLIER, "financing-1", 2, None))


async def charging_off(world: LendingWorld) -> Work:
    loan_id = await overdue(world)
    return lambda: world.run(lambda: world.service.workouts.charge_off(loan_id))


async def recovering(world: LendingWorld) -> Work:
    await (await charging_off(world))()
    loan = await world.service.loans.get(SUPPLIER, "financing-1")
    workouts = world.service.workouts
    return lambda: world.run(lambda: workouts.recover("financing-1", SUPPLIER, loan.written_off_fen))


async def correcting(world: LendingWorld) -> Work:
    loan_id = await overdue(world)
    await world.repay(SUPPLIER, 5_000, loan_id)
    workouts = world.service.workouts
    return lambda: world.run(lambda: workouts.repay_back_dated(loan_id, SUPPLIER, 3_000, date(2026, 3, 10)))


async def reversing(world: LendingWorld) -> Work:
    await (await correcting(world))()
    booked = (await world.service.loans.get(SUPPLIER, "financing-1")).events[-1]
    return lambda: world.run(lambda: world.service.workouts.reverse("financing-1", booked.sequence))


SCENES: list[Scene] = [
    applying,
    accepting,
    withdrawing,
    deciding,
    refusing,
    disbursing,
    expiring,
    repaying_early,
    deciding_on_a_person,
    signing,
    drawing,
    repaying,
    having_recourse,
    buying_back,
    restructuring,
    agreeing,
    charging_off,
    recovering,
    correcting,
    reversing,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: str(scene.__name__))
async def test_nothing_is_left_half_done(world: LendingWorld, database: Database, scene: Scene) -> None:
    work = await scene(world)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, work):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    assert await world.snapshot() != before
    await world.check_books()
