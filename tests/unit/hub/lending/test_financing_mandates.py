"""A supplier that has signers signs no loan without the word of one who may."""

from __future__ import annotations

from hub.lending.rules import FinancingState
from tests.unit.hub.lending.world import LendingWorld, refused


async def test_a_financing_needs_a_signer(world: LendingWorld) -> None:
    await world.held()
    await world.offered()
    world.trade.mandates.withheld.add(("FINANCE", "financing-1"))
    await refused("PERMISSION_DENIED", world.signed())
    world.trade.mandates.withheld.clear()
    assert (await world.signed()).state is FinancingState.SIGNED
