"""Courts' orders: what stands still while one is live, several in line, and that every order is kept."""

from __future__ import annotations

from hub.platform.legal_rules import FREEZE
from hub.receivables.freezes.stored import Freeze, FrozenKind
from hub.receivables.model import Certificate
from hub.receivables.states import CertificateState
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

C = CertificateState
COURT = "沙盒市中级人民法院"


async def frozen(
    world: World, object_id: str, number: str = "(2026)沙01执1号", kind: FrozenKind = FrozenKind.CERTIFICATE
) -> Freeze:
    freeze = world.service.freezes.freeze
    return await world.run(lambda: freeze(f"freeze-{number}", kind, object_id, number, COURT))


async def lifted(world: World, freeze: Freeze) -> Freeze:
    return await world.run(lambda: world.service.freezes.unfreeze(freeze.freeze_id, "(2026)沙01执1号之一"))


async def state(world: World, certificate_id: str = "certificate-1") -> CertificateState:
    return (await world.service.get_certificate(certificate_id)).state


async def test_nothing_moves_while_it_is_frozen(world: World) -> None:
    held = await world.held()
    certificates = world.service.certificates
    order = await frozen(world, held.certificate_id)
    assert await state(world) is C.FROZEN
    parts = [("certificate-a", 20_000), ("certificate-b", 30_000)]
    await refused("STATE_CONFLICT", world.run(lambda: certificates.split(trade.SUPPLIER, held.certificate_id, parts)))
    transfer = certificates.transfer
    identity = held.certificate_id
    away = world.run(lambda: transfer(trade.SUPPLIER, identity, "certificate-c", trade.SECOND_TIER))
    await refused("STATE_CONFLICT", away)
    await refused("STATE_CONFLICT", world.run(lambda: world.service.block_for_financing(identity, "financing-1")))
    await lifted(world, order)
    assert await state(world) is C.HELD
    await world.run(lambda: transfer(trade.SUPPLIER, identity, "certificate-c", trade.SECOND_TIER))


async def test_orders_wait_in_line_and_the_last_one_frees(world: World) -> None:
    held = await world.held()
    first = await frozen(world, held.certificate_id)
    second = await frozen(world, held.certificate_id, "(2026)沙02执7号")
    await refused("ALREADY_EXISTS", frozen(world, held.certificate_id))
    await lifted(world, first)
    assert await state(world) is C.FROZEN
    await refused("STATE_CONFLICT", lifted(world, first))
    await lifted(world, second)
    assert await state(world) is C.HELD
    seen = await world.service.freezes.orders_over(trade.SUPPLIER, FrozenKind.CERTIFICATE, held.certificate_id)
    assert [item.order_number for item in seen] == ["(2026)沙01执1号", "(2026)沙02执7号"]
    stranger = world.service.freezes.orders_over(trade.DEALER, FrozenKind.CERTIFICATE, held.certificate_id)
    await refused("NOT_FOUND", stranger)


async def test_under_a_loan_it_is_frozen_when_it_comes_back(world: World) -> None:
    held = await world.held()
    await world.run(lambda: world.service.block_for_financing(held.certificate_id, "financing-1"))
    await world.run(lambda: world.service.mark_financed(held.certificate_id, "financing-1"))
    await frozen(world, held.certificate_id)
    assert await state(world) is C.FINANCED
    await world.run(lambda: world.service.release_block(held.certificate_id, "financing-1"))
    assert await state(world) is C.FROZEN


async def test_whoever_blocks_it_is_told_first(world: World) -> None:
    held = await world.held()
    await world.run(lambda: world.service.block_for_financing(held.certificate_id, "financing-1"))

    async def give_back(certificate: Certificate) -> None:
        await world.service.release_block(certificate.certificate_id, "financing-1")

    await refused("STATE_CONFLICT", frozen(world, held.certificate_id))
    world.service.before_freezing(give_back)
    await frozen(world, held.certificate_id)
    assert await state(world) is C.FROZEN


async def test_an_offer_that_nobody_took_is_nobodys_to_freeze(world: World) -> None:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    await world.run(lambda: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 50_000))
    await refused("STATE_CONFLICT", frozen(world, "certificate-1"))
    await refused("NOT_FOUND", frozen(world, "certificate-unknown"))


async def test_a_frozen_receivable_is_not_certificated_lent_on_or_given_up(world: World) -> None:
    receivable = await world.confirmed()
    identity = receivable.receivable_id
    order = await frozen(world, identity, kind=FrozenKind.RECEIVABLE)
    issue = world.service.certificates.issue
    error = await refused("STATE_CONFLICT", world.run(lambda: issue(trade.BUYER, "certificate-1", identity, 50_000)))
    assert error.params["rule"] == FREEZE
    await refused("STATE_CONFLICT", world.run(lambda: world.service.pledge(identity, "loan-0001")))
    await refused("STATE_CONFLICT", world.run(lambda: world.service.assign(identity, "loan-0001")))
    await lifted(world, order)
    await world.run(lambda: world.service.pledge(identity, "loan-0001"))


async def test_a_draft_is_no_debt_to_freeze(world: World) -> None:
    receivable = await world.matched()
    await refused("STATE_CONFLICT", frozen(world, receivable.receivable_id, kind=FrozenKind.RECEIVABLE))


async def test_an_order_is_entered_and_lifted_whole(world: World) -> None:
    held = await world.held()
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, lambda: frozen(world, held.certificate_id)):
        assert await world.snapshot() == before
    order = (await world.service.freezes.orders_over(None, FrozenKind.CERTIFICATE, held.certificate_id))[0]
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, lambda: lifted(world, order)):
        assert await world.snapshot() == before
    assert await state(world) is C.HELD
    records = await world.records()
    kinds = [kind for kind, _, _ in records.values() if "froz" in kind]
    assert kinds == ["certificate.frozen", "certificate.unfrozen"]
