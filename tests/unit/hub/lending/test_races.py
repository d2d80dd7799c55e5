"""Sixty-four at once for one limit, receivable, certificate, draw or signature: never over, never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from huilian_protocol.errors import HuilianError

from hub.lending.rules import FinancingState
from hub.receivables.disputes.desk import Ground
from tests.unit.hub.lending.test_impairments import confirmed_anew, disputed
from tests.unit.hub.lending.test_order_loans import billed, paid_out, seen
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld
from tests.unit.hub.receivables import trade

WAYS = 64


async def race(attempt: Callable[[int], Awaitable[object]], ways: int = WAYS) -> tuple[int, set[str]]:
    """How many got through, and the codes of those that were refused."""
    codes: set[str] = set()

    async def one(number: int) -> bool:
        try:
            await attempt(number)
        except HuilianError as refused:
            codes.add(refused.code)
            return False
        return True

    won = sum(await asyncio.gather(*(asyncio.create_task(one(number)) for number in range(ways))))
    return won, codes


async def test_one_certificate(world: LendingWorld) -> None:
    await world.held()
    won, codes = await race(lambda number: world.offered(financing_id=f"financing-{number}"))
    assert (won, codes) == (1, {"STATE_CONFLICT"})


async def test_one_financing_id(world: LendingWorld) -> None:
    await world.held()
    won, codes = await race(lambda number: world.offered())
    assert (won, codes) == (1, {"ALREADY_EXISTS"})


async def test_one_limit(world: LendingWorld) -> None:
    await world.held()
    await world.run(lambda: world.service.limits.set("test:limit", 5 * 700))
    won, codes = await race(
        lambda number: world.run(lambda: world.service.limits.block("test:limit", f"use-{number}", 700))
    )
    assert (won, codes) == (5, {"LIMIT_EXCEEDED"})
    assert (await world.service.limits.get("test:limit")).available_fen == 0


async def test_one_buyers_limit_for_sixteen_certificates(world: LendingWorld) -> None:
    await big_certificate(world)
    parts = [(f"certificate-p{number}", 12_000) for number in range(16)]
    rest = ("certificate-rest", 205_050 - 12_000 * 16)
    certificates = world.trade.service.certificates
    await world.run(lambda: certificates.split(SUPPLIER, "certificate-1", [*parts, rest]))
    await world.run(lambda: world.service.limits.set(f"receivable-loan:{BUYER}", 151_199))
    won, codes = await race(lambda n: world.offered(0, f"financing-{n}", f"certificate-p{n}"), 16)
    # 10,800 fen each: thirteen fit, the fourteenth lacks one fen.
    assert (won, codes) == (13, {"LIMIT_EXCEEDED"})
    limit = await world.service.limits.get(f"receivable-loan:{BUYER}")
    assert (limit.blocked_fen, limit.utilised_fen) == (13 * 10_800, 0)


async def big_certificate(world: LendingWorld) -> None:
    """The supplier holds a certificate over everything that was ordered: 205,050 fen."""
    erps, receivables = world.trade.erps, world.trade.service
    erps.put(trade.order())
    erps.put(trade.receipt("shipment-1", steel="100", bolts="1000"))
    erps.put(trade.invoice("invoice-1", steel="100", bolts="1000"))
    receivable_id = (await world.trade.sync()).receivables[-1].receivable_id
    await world.trade.confirm(await receivables.confirmations.prepare(BUYER, receivable_id))
    issue = receivables.certificates.issue
    await world.run(lambda: issue(BUYER, "certificate-1", receivable_id, 205_050))
    await world.run(lambda: receivables.certificates.accept(SUPPLIER, "certificate-1"))


async def test_one_acceptance(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    won, codes = await race(lambda number: world.signed())
    assert (won, codes) == (1, {"STATE_CONFLICT"})
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.DISBURSED
    assert await world.balance(SUPPLIER) == 45_000 - 45
    await world.check_books()


async def test_accept_against_withdraw(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    won, codes = await race(lambda number: world.signed() if number % 2 else world.withdrawn())
    assert (won, codes) == (1, {"STATE_CONFLICT"})


async def test_one_signature(world: LendingWorld) -> None:
    citizen = world.borrower()
    offer = await world.applied(citizen)
    assertion = citizen.device.sign(offer.challenge)
    won, codes = await race(lambda number: world.sign(citizen, assertion, "application-1"))
    assert (won, codes) == (1, {"STATE_CONFLICT"})
    assert await world.balance(citizen.subject) == 5_000_000


async def test_one_limit_drawn_by_many(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen)
    won, codes = await race(lambda number: world.draw(citizen.subject, 3_000_000))
    # 180,000 yuan of limit, 50,000 drawn: four more of 30,000.
    assert (won, codes) == (4, {"LIMIT_EXCEEDED"})
    assert await world.balance(citizen.subject) == 17_000_000
    await world.check_books()


async def test_one_payoff(world: LendingWorld) -> None:
    citizen = world.borrower()
    await world.borrowed(citizen)
    await world.fund(citizen.subject, 100_000_000)
    won, codes = await race(lambda number: world.repay(citizen.subject, 5_000_000))
    assert (won, codes) == (1, {"STATE_CONFLICT"})
    assert await world.balance(citizen.subject) == 100_000_000
    await world.check_books()


async def test_one_receivable(world: LendingWorld) -> None:
    receivable, issue = await world.trade.confirmed(), world.trade.service.certificates.issue
    third = receivable.amount_fen // 3
    won, codes = await race(
        lambda n: world.run(lambda: issue(BUYER, f"certificate-r{n}", receivable.receivable_id, third))
    )
    assert (won, codes) == (3, {"AMOUNT_EXCEEDS_RECEIVABLE"})
    assert (await world.trade.service.get_receivable(receivable.receivable_id)).issued_fen == 3 * third


@pytest.mark.databases("postgres")
async def test_a_dispute_that_is_under_way_is_waited_for(world: LendingWorld) -> None:
    """Or the receivable would be lent on in between, and the dispute would find no loan to call in."""
    await paid_out(world)
    receivable, is_disputed = await billed(world, steel="40"), asyncio.Event()
    await disputed(world, receivable)
    await world.settle_outbox()
    await confirmed_anew(world, receivable)  # its claim is ours: the message to lend on it is all that waits

    async def convert() -> None:
        await is_disputed.wait()
        await world.settle_outbox()

    converting = asyncio.create_task(convert())
    async with world.database.transaction():
        await world.trade.service.disputes.dispute(BUYER, receivable.receivable_id, Ground.QUALITY, "")
        is_disputed.set()
        await asyncio.wait([converting], timeout=1)
    await converting
    assert [one.state for one in (await seen(world)).conversions] == ["PENDING"]
    assert [loan.record.product_id for loan in await world.service.loans.open_of(SUPPLIER)] == ["order-loan"]
