"""Limits per supplier, core enterprise, group and product: taken together or not at all, never over, never lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.limits import stored as stored_limits
from hub.lending.limits.desk import Dimension, Parties
from hub.lending.limits.exposure import NAMED_FROM_FEN, report
from hub.lending.limits.stored import LimitExposure
from hub.platform.database import Database
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, refused

WAYS = 64
PRODUCT = "receivable-loan"
OTHER = "91440300MA5OTHER0X"
SHARED = {
    f"supplier:{SUPPLIER}": Dimension.SUPPLIER,
    f"buyer:{BUYER}": Dimension.BUYER,
    "group:group-1": Dimension.GROUP,
    f"product:{PRODUCT}": Dimension.PRODUCT,
}


async def used(world: LendingWorld, limit: str) -> tuple[int, int]:
    found = await world.service.limits.get(limit)
    return found.blocked_fen, found.utilised_fen


async def in_group(world: LendingWorld, uscc: str = BUYER, group: str | None = "group-1") -> None:
    await world.run(lambda: world.service.limits.join_group(uscc, group))


async def take(world: LendingWorld, reference: str, fen: int, buyer: str = BUYER, supplier: str = SUPPLIER) -> None:
    limits = world.service.limits

    async def work() -> None:
        await limits.ensure(f"{PRODUCT}:{buyer}", 10**12)
        await limits.block(f"{PRODUCT}:{buyer}", reference, fen, Parties(PRODUCT, buyer, supplier))

    await world.run(work)


async def test_a_financing_blocks_utilises_and_releases_every_limit(world: LendingWorld) -> None:
    await in_group(world)
    await world.held()
    await world.offered()
    limits = [*SHARED, f"{PRODUCT}:{BUYER}"]
    assert {limit: await used(world, limit) for limit in limits} == dict.fromkeys(limits, (45_000, 0))
    await world.signed()
    await world.settle_outbox()
    assert {limit: await used(world, limit) for limit in limits} == dict.fromkeys(limits, (0, 45_000))
    await world.fund(SUPPLIER, 1_000)
    await world.repay(SUPPLIER, 20_000, "financing-1")
    assert {limit: await used(world, limit) for limit in limits} == dict.fromkeys(limits, (0, 25_000))
    await world.check_limits()


@pytest.mark.parametrize("full", list(SHARED))
async def test_one_full_limit_refuses_all(world: LendingWorld, full: str) -> None:
    await in_group(world)
    await world.held()
    await world.run(lambda: world.service.limits.set(full, 44_999, SHARED[full]))
    before = await world.snapshot()
    error = await refused("LIMIT_EXCEEDED", world.offered())
    assert error.params["available_fen"] == "44999"
    assert await world.snapshot() == before


async def test_a_group_counts_all_its_members(world: LendingWorld) -> None:
    await in_group(world)
    await in_group(world, OTHER)
    await world.run(lambda: world.service.limits.set("group:group-1", 100, Dimension.GROUP))
    await take(world, "use-1", 60)
    await refused("LIMIT_EXCEEDED", take(world, "use-2", 41, buyer=OTHER))
    await take(world, "use-2", 40, buyer=OTHER)
    assert await used(world, "group:group-1") == (100, 0)


async def test_what_a_member_owes_goes_with_it(world: LendingWorld) -> None:
    await take(world, "use-1", 60)
    await world.run(lambda: world.service.limits.utilise("use-1"))
    await take(world, "use-2", 5)
    await in_group(world)
    assert await used(world, "group:group-1") == (5, 60)
    await world.run(lambda: world.service.limits.set("group:group-2", 64, Dimension.GROUP))
    await refused("LIMIT_EXCEEDED", in_group(world, group="group-2"))
    await world.run(lambda: world.service.limits.set("group:group-2", 65, Dimension.GROUP))
    await in_group(world, group="group-2")
    assert (await used(world, "group:group-1"), await used(world, "group:group-2")) == ((0, 0), (5, 60))
    await world.run(lambda: world.service.limits.repay("use-1", 60))
    await in_group(world, group=None)
    assert await used(world, "group:group-2") == (0, 0)
    await world.run(lambda: world.service.limits.release_block("use-2"))
    await world.check_limits()


async def test_joining_a_group_broken_at_each_statement(world: LendingWorld, database: Database) -> None:
    await take(world, "use-1", 60)
    await in_group(world)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, lambda: in_group(world, group="group-2")):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    assert await used(world, "group:group-2") == (60, 0)


async def test_taking_every_limit_broken_at_each_statement(world: LendingWorld, database: Database) -> None:
    await in_group(world)
    await take(world, "use-1", 60)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, lambda: take(world, "use-2", 1)):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    await world.check_limits()


async def together(attempt: Callable[[int], Awaitable[object]]) -> int:
    """How many of 64 at once get through; the others are refused for the limit."""

    async def one(number: int) -> bool:
        try:
            await attempt(number)
        except HuilianError as error:
            assert error.code == "LIMIT_EXCEEDED", error
            return False
        return True

    return sum(await asyncio.gather(*(asyncio.create_task(one(number)) for number in range(WAYS))))


@pytest.mark.parametrize("scarce", list(SHARED))
async def test_64_at_once_for_one_limit(world: LendingWorld, scarce: str) -> None:
    await in_group(world)
    await world.run(lambda: world.service.limits.set(scarce, 10 * 21 + 9, SHARED[scarce]))
    assert await together(lambda number: take(world, f"use-{number}", 10)) == 21
    assert await used(world, scarce) == (210, 0)
    await world.check_limits()


async def test_64_lives_at_once_while_the_group_changes(world: LendingWorld) -> None:
    """Block, utilise, repay or release, with members that join and leave meanwhile: at the end nothing is held."""
    buyers, limits, seeded = [BUYER, OTHER], world.service.limits, random.Random(7)
    plan = [(seeded.choice(buyers), seeded.choice([SUPPLIER, OTHER]), seeded.random() < 0.5) for _ in range(WAYS)]

    async def life(number: int) -> None:
        buyer, supplier, is_paid_out = plan[number]
        if number % 8 == 7:
            await in_group(world, buyer, seeded.choice(["group-1", "group-2", None]))
        await take(world, f"use-{number}", 10 + number, buyer, supplier)
        if is_paid_out:
            await world.run(lambda: limits.utilise(f"use-{number}"))
            await world.run(lambda: limits.repay(f"use-{number}", 10 + number))
        else:
            await world.run(lambda: limits.release_block(f"use-{number}"))

    assert await together(life) == WAYS
    await world.check_limits()
    rows = await world.database.fetch("SELECT SUM(blocked_fen + utilised_fen) AS held FROM lending_limit")
    assert int(rows[0]["held"]) == 0


async def test_the_report_is_what_the_limits_say(world: LendingWorld) -> None:
    await in_group(world)
    await take(world, "use-1", 60)
    await take(world, "use-2", 20, supplier=OTHER)
    lines = report(await stored_limits.exposures(world.database), names_all=True)
    suppliers = [line for line in lines if line.dimension is Dimension.SUPPLIER]
    assert [(line.party, line.used_fen, line.share) for line in suppliers] == [
        (SUPPLIER, 60, Decimal("0.7500")),
        (OTHER, 20, Decimal("0.2500")),
    ]
    (group,) = (line for line in lines if line.dimension is Dimension.GROUP)
    assert (group.party, group.blocked_fen, group.largest_fen, group.share) == ("group-1", 80, 60, Decimal("1.0000"))


USES = st.lists(st.integers(0, 3 * NAMED_FROM_FEN), max_size=8)


@given(USES)
def test_a_supervisor_sees_all_the_money_and_no_small_supplier(amounts: list[int]) -> None:
    given = [LimitExposure(f"supplier:S{n}", "SUPPLIER", 10**12, 0, fen, fen) for n, fen in enumerate(amounts)]
    lines = report(given, names_all=False)
    assert sum(line.used_fen for line in lines) == sum(amounts)
    assert sum(line.parties for line in lines) == len(amounts)
    assert all(line.used_fen >= NAMED_FROM_FEN for line in lines if line.party)
    assert abs(sum(line.share for line in lines) - bool(sum(amounts))) <= Decimal("0.0001") * len(lines)
