"""An enterprise that has signers confirms and accepts nothing without the word of one who may."""

from __future__ import annotations

from hub.receivables.states import CertificateState, ReceivableState
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused


async def test_a_confirmation_needs_a_signer(world: World) -> None:
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    world.mandates.withheld.add(("CONFIRM", receivable.receivable_id))
    await refused("PERMISSION_DENIED", world.confirm(message))
    world.mandates.withheld.clear()
    assert (await world.confirm(message)).state is ReceivableState.CONFIRMED


async def test_an_acceptance_needs_a_signer(world: World) -> None:
    receivable = await world.confirmed()
    certificates = world.service.certificates
    await world.run(lambda: certificates.issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))
    world.mandates.withheld.add(("ACCEPT", "certificate-1"))
    await refused("PERMISSION_DENIED", world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1")))
    world.mandates.withheld.clear()
    accepted = await world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-1"))
    assert accepted.state is CertificateState.HELD
