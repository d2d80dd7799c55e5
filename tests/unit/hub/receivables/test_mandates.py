"""Nothing is signed for an enterprise that is not verified, nor, once it has signers, without the word of one."""

from __future__ import annotations

from huilian_protocol.signers import Power

from hub.receivables.disputes.desk import Ground
from hub.receivables.states import CertificateState, ReceivableState
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused


async def test_a_confirmation_needs_a_signer(world: World) -> None:
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    world.mandates.withheld.add((Power.CONFIRM, receivable.receivable_id))
    await refused("PERMISSION_DENIED", world.confirm(message))
    world.mandates.withheld.clear()
    assert (await world.confirm(message)).state is ReceivableState.CONFIRMED
    assert world.mandates.asked[-1][1:] == (Power.CONFIRM, receivable.receivable_id, receivable.amount_fen)


async def test_issuing_and_accepting_need_signers(world: World) -> None:
    receivable = await world.confirmed()
    certificates = world.service.certificates

    async def issue() -> object:
        return await world.run(lambda: certificates.issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))

    world.mandates.withheld |= {(Power.CONFIRM, "certificate-1"), (Power.ACCEPT, "certificate-1")}
    await refused("PERMISSION_DENIED", issue())
    world.mandates.withheld.discard((Power.CONFIRM, "certificate-1"))
    await issue()
    assert world.mandates.asked[-1] == (trade.BUYER, Power.CONFIRM, "certificate-1", 100)
    await refused("PERMISSION_DENIED", world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1")))
    world.mandates.withheld.clear()
    accepted = await world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1"))
    assert accepted.state is CertificateState.HELD
    assert world.mandates.asked[-1] == (trade.SUPPLIER, Power.ACCEPT, "certificate-1", 100)


async def test_passing_on_needs_a_signer(world: World) -> None:
    await world.held()
    world.mandates.withheld.add((Power.TRANSFER, "certificate-1"))

    async def transfer() -> object:
        move = world.service.certificates.transfer
        return await world.run(lambda: move(trade.SUPPLIER, "certificate-1", "certificate-2", trade.SECOND_TIER))

    await refused("PERMISSION_DENIED", transfer())
    world.mandates.withheld.clear()
    await transfer()
    assert world.mandates.asked[-1] == (trade.SUPPLIER, Power.TRANSFER, "certificate-1", 50_000)


async def test_giving_up_what_is_owed_needs_a_signer(world: World) -> None:
    receivable = await world.confirmed()
    disputes, identity = world.service.disputes, receivable.receivable_id
    await world.run(lambda: disputes.dispute(trade.BUYER, identity, Ground.QUALITY, "有裂纹"))
    world.mandates.withheld.add((Power.TRANSFER, identity))
    await refused("PERMISSION_DENIED", world.run(lambda: disputes.give_up(trade.SUPPLIER, identity)))
    world.mandates.withheld.clear()
    assert (await world.run(lambda: disputes.give_up(trade.SUPPLIER, identity))).state is ReceivableState.VOID
    assert world.mandates.asked[-1] == (trade.SUPPLIER, Power.TRANSFER, identity, receivable.amount_fen)


async def test_disputing_and_coming_to_terms_need_signers(world: World) -> None:
    receivable = await world.confirmed()
    disputes, identity = world.service.disputes, receivable.receivable_id

    async def dispute() -> object:
        return await world.run(lambda: disputes.dispute(trade.BUYER, identity, Ground.QUALITY, "有裂纹"))

    world.mandates.withheld.add((Power.DISPUTE, identity))
    await refused("PERMISSION_DENIED", dispute())
    world.mandates.withheld.clear()
    await dispute()
    assert world.mandates.asked[-1] == (trade.BUYER, Power.DISPUTE, identity, receivable.amount_fen)
    world.mandates.withheld.add((Power.DISPUTE, identity))
    await refused("PERMISSION_DENIED", world.run(lambda: disputes.reinstate(trade.SUPPLIER, identity)))
    world.mandates.withheld.clear()
    await world.run(lambda: disputes.reinstate(trade.SUPPLIER, identity))
    assert world.mandates.asked[-1] == (trade.SUPPLIER, Power.DISPUTE, identity, receivable.amount_fen)


async def test_splitting_and_refusing_need_signers(world: World) -> None:
    await world.held()
    certificates = world.service.certificates

    async def split() -> object:
        parts = [("certificate-2", 20_000), ("certificate-3", 30_000)]
        return await world.run(lambda: certificates.split(trade.SUPPLIER, "certificate-1", parts))

    world.mandates.withheld.add((Power.TRANSFER, "certificate-1"))
    await refused("PERMISSION_DENIED", split())
    world.mandates.withheld.clear()
    await split()
    assert world.mandates.asked[-1] == (trade.SUPPLIER, Power.TRANSFER, "certificate-1", 50_000)
    move = certificates.transfer
    await world.run(lambda: move(trade.SUPPLIER, "certificate-2", "certificate-4", trade.SECOND_TIER))
    world.mandates.withheld.add((Power.ACCEPT, "certificate-4"))
    await refused("PERMISSION_DENIED", world.run(lambda: certificates.refuse(trade.SECOND_TIER, "certificate-4")))
    world.mandates.withheld.clear()
    await world.run(lambda: certificates.refuse(trade.SECOND_TIER, "certificate-4"))
    assert world.mandates.asked[-1] == (trade.SECOND_TIER, Power.ACCEPT, "certificate-4", 20_000)


async def test_who_is_not_verified_neither_confirms_nor_holds_nor_gets(world: World) -> None:
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    unverified, certificates = world.mandates.unverified, world.service.certificates
    unverified.add(trade.BUYER)
    error = await refused("STATE_CONFLICT", world.confirm(message))
    assert error.params["state"] == "ENTERPRISE_NOT_VERIFIED"
    unverified.clear()
    await world.confirm(message)

    async def issue(name: str) -> object:
        return await world.run(lambda: certificates.issue(trade.BUYER, name, receivable.receivable_id, 100))

    unverified.add(trade.SUPPLIER)
    await refused("STATE_CONFLICT", issue("certificate-1"))
    unverified.clear()
    await issue("certificate-1")
    unverified.add(trade.SUPPLIER)
    await refused("STATE_CONFLICT", world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1")))
    unverified.clear()
    await world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1"))
    unverified.add(trade.SECOND_TIER)
    move = certificates.transfer
    await refused(
        "STATE_CONFLICT",
        world.run(lambda: move(trade.SUPPLIER, "certificate-1", "certificate-2", trade.SECOND_TIER)),
    )
