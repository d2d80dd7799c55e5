"""Five hub processes race for the same invoices while hubs and chain are killed; tests/soak has the long races."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.soak.claim_races import HUBS, Place, race
from tests.soak.race_nodes import killed_chain, real_node

INVOICES = 12


@pytest.mark.parametrize("place", [killed_chain, real_node], ids=["embedded chain", "real node"])
async def test_every_invoice_has_one_winner_whatever_happens(place: Place) -> None:
    tally = await asyncio.to_thread(race, place, random.Random(1), INVOICES)
    assert tally.checks == INVOICES * len(HUBS)
    assert tally.counted["attempts FINANCED"] <= INVOICES
