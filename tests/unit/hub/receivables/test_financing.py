"""Towards lending: a certificate is blocked for one financing, financed, cleared on the due date and redeemed."""

from __future__ import annotations

import datetime as dt

import pytest

from hub.receivables.model import Certificate
from hub.receivables.states import CertificateState, ReceivableState
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

DUE = dt.date(2026, 4, 5)


async def block(world: World, financing_id: str = "financing-1") -> Certificate:
    return await world.run(lambda: world.service.block_for_financing("certificate-1", financing_id))


async def finance(world: World, financing_id: str = "financing-1") -> Certificate:
    return await world.run(lambda: world.service.mark_financed("certificate-1", financing_id))


async def release(world: World, financing_id: str = "financing-1") -> Certificate:
    return await world.run(lambda: world.service.release_block("certificate-1", financing_id))


async def fall_due(world: World, receivable_id: str) -> list[Certificate]:
    return await world.run(lambda: world.service.fall_due(receivable_id))


async def redeem(world: World, certificate_id: str) -> Certificate:
    return await world.run(lambda: world.service.redeem(certificate_id))


def reach_due_date(world: World) -> None:
    world.clock.advance(dt.datetime(2026, 4, 4, 16, tzinfo=dt.UTC) - world.clock.now())


async def test_a_certificate_is_blocked_then_financed(world: World) -> None:
    await world.held()
    blocked = await block(world)
    assert (blocked.state, blocked.financing_id) == (CertificateState.BLOCKED, "financing-1")
    financed = await finance(world)
    assert (financed.state, financed.holder_uscc) == (CertificateState.FINANCED, trade.SUPPLIER)
    assert "certificate-financed:certificate-1:financing-1" in await world.records()


async def test_each_step_may_be_repeated(world: World) -> None:
    await world.held()
    assert await block(world) == await block(world)
    assert await finance(world) == await finance(world)


async def test_a_blocked_certificate_is_out_of_everybodys_reach(world: World) -> None:
    await world.held(amount_fen=100)
    await block(world)
    before = await world.snapshot()
    certificates = world.service.certificates
    await refused("STATE_CONFLICT", block(world, "financing-2"))
    await refused("STATE_CONFLICT", finance(world, "financing-2"))
    await refused("STATE_CONFLICT", release(world, "financing-2"))
    pass_on = world.run(
        lambda: certificates.transfer(trade.SUPPLIER, "certificate-1", "certificate-2", trade.SECOND_TIER)
    )
    await refused("STATE_CONFLICT", pass_on)
    parts = (("certificate-a", 50), ("certificate-b", 50))
    await refused("STATE_CONFLICT", world.run(lambda: certificates.split(trade.SUPPLIER, "certificate-1", parts)))
    assert await world.snapshot() == before


@pytest.mark.parametrize("financed_first", [False, True])
async def test_what_is_released_is_free_again(world: World, financed_first: bool) -> None:
    await world.held()
    await block(world)
    if financed_first:
        await finance(world)
    released = await release(world)
    assert (released.state, released.financing_id) == (CertificateState.HELD, None)
    assert (await block(world, "financing-2")).financing_id == "financing-2"


async def test_what_was_never_blocked_is_neither_financed_nor_released(world: World) -> None:
    await world.held()
    before = await world.snapshot()
    await refused("STATE_CONFLICT", finance(world))
    await refused("STATE_CONFLICT", release(world))
    await refused("NOT_FOUND", world.run(lambda: world.service.block_for_financing("certificate-9", "financing-1")))
    assert await world.snapshot() == before


async def test_nothing_is_financed_from_the_due_date_on(world: World) -> None:
    await world.held()
    reach_due_date(world)
    await refused("STATE_CONFLICT", block(world))


async def test_a_receivable_is_due_on_its_date_in_china(world: World) -> None:
    certificate = await world.held()
    assert await world.service.receivables_due(DUE - dt.timedelta(days=1)) == []
    due = await world.service.receivables_due(DUE)
    assert [item.receivable_id for item in due] == [certificate.receivable_id]
    reach_due_date(world)
    world.clock.advance(dt.timedelta(seconds=-1))
    await refused("STATE_CONFLICT", fall_due(world, certificate.receivable_id))
    world.clock.advance(dt.timedelta(seconds=1))
    assert [item.state for item in await fall_due(world, certificate.receivable_id)] == [CertificateState.DUE]


async def test_a_chain_is_cleared_to_the_last_fen(world: World) -> None:
    """Split, passed on, financed, offered: on the due date each part is paid to whoever it belongs to."""
    parent = await world.held(amount_fen=50_020)
    certificates = world.service.certificates
    parts = [("certificate-a", 20_000), ("certificate-b", 30_000), ("certificate-c", 20)]
    await world.run(lambda: certificates.split(trade.SUPPLIER, "certificate-1", parts))
    give = certificates.transfer
    await world.run(lambda: give(trade.SUPPLIER, "certificate-a", "certificate-a2", trade.SECOND_TIER))
    await world.run(lambda: certificates.accept(trade.SECOND_TIER, "certificate-a2"))
    await world.run(lambda: world.service.block_for_financing("certificate-b", "financing-b"))
    await world.run(lambda: world.service.mark_financed("certificate-b", "financing-b"))
    await world.run(lambda: give(trade.SUPPLIER, "certificate-c", "certificate-c2", trade.SECOND_TIER))
    reach_due_date(world)

    due = await fall_due(world, parent.receivable_id)
    assert sorted((item.holder_uscc, item.amount_fen, item.financing_id) for item in due) == [
        (trade.SUPPLIER, 20, None),
        (trade.SUPPLIER, 30_000, "financing-b"),
        (trade.SECOND_TIER, 20_000, None),
    ]
    assert await fall_due(world, parent.receivable_id) == due
    await refused("STATE_CONFLICT", world.run(lambda: world.service.settle(parent.receivable_id)))
    for certificate in due:
        redeemed = await redeem(world, certificate.certificate_id)
        assert redeemed.state is CertificateState.REDEEMED
        assert await redeem(world, certificate.certificate_id) == redeemed
    settled = await world.run(lambda: world.service.settle(parent.receivable_id))
    assert (settled.state, settled.redeemed_fen) == (ReceivableState.SETTLED, 50_020)
    assert await world.run(lambda: world.service.settle(parent.receivable_id)) == settled
    assert await world.service.receivables_due(DUE) == []


@pytest.mark.parametrize("ends", ["lapses", "is refused"])
async def test_an_offer_that_ends_after_the_due_date_leaves_the_receivable_overdue(world: World, ends: str) -> None:
    receivable = await world.confirmed()
    certificates = world.service.certificates
    whole = receivable.amount_fen
    await world.run(lambda: certificates.issue(trade.BUYER, "certificate-1", receivable.receivable_id, whole))
    reach_due_date(world)
    await world.run(lambda: world.service.miss_due_date(receivable.receivable_id))
    if ends == "lapses":
        assert await fall_due(world, receivable.receivable_id) == []
    else:
        await world.run(lambda: certificates.refuse(trade.SUPPLIER, "certificate-1"))
    overdue = await world.service.get_receivable(receivable.receivable_id)
    assert (overdue.state, overdue.issued_fen) == (ReceivableState.OVERDUE, 0)
    settled = await world.run(lambda: world.service.settle(receivable.receivable_id))
    assert settled.state is ReceivableState.SETTLED


async def test_a_blocked_certificate_must_be_released_before_clearing(world: World) -> None:
    certificate = await world.held()
    await block(world)
    reach_due_date(world)
    before = await world.snapshot()
    await refused("STATE_CONFLICT", fall_due(world, certificate.receivable_id))
    assert await world.snapshot() == before
    await release(world)
    assert len(await fall_due(world, certificate.receivable_id)) == 1


async def test_a_certificate_that_nobody_took_lapses(world: World) -> None:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    await world.run(lambda: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))
    reach_due_date(world)
    assert await fall_due(world, receivable.receivable_id) == []
    after = await world.service.get_receivable(receivable.receivable_id)
    assert (after.state, after.issued_fen) == (ReceivableState.CONFIRMED, 0)
    assert (await world.service.get_certificate("certificate-1")).state is CertificateState.CANCELLED


async def test_nothing_is_redeemed_before_it_is_due(world: World) -> None:
    await world.held()
    before = await world.snapshot()
    await refused("STATE_CONFLICT", redeem(world, "certificate-1"))
    assert await world.snapshot() == before


async def test_a_late_buyer_still_settles(world: World) -> None:
    certificate = await world.held()
    reach_due_date(world)
    await fall_due(world, certificate.receivable_id)
    overdue = await world.run(lambda: world.service.miss_due_date(certificate.receivable_id))
    assert overdue.state is ReceivableState.OVERDUE
    assert await world.run(lambda: world.service.miss_due_date(certificate.receivable_id)) == overdue
    assert [item.receivable_id for item in await world.service.receivables_due(DUE)] == [certificate.receivable_id]
    await redeem(world, "certificate-1")
    settled = await world.run(lambda: world.service.settle(certificate.receivable_id))
    assert settled.state is ReceivableState.SETTLED
