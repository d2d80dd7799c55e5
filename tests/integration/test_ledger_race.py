"""Five hub processes race for the same invoices while hubs and chain are killed; tests/soak has the long races."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.soak.claim_races import HUBS, on_killed_chain, on_undone_blocks

INVOICES = 12


@pytest.mark.parametrize("race", [on_killed_chain, on_undone_blocks], ids=["killed chain", "undone blocks"])
async def test_every_invoice_has_one_winner_whatever_happens(race: Callable[[random.Random, int], int]) -> None:
    assert await asyncio.to_thread(race, random.Random(1), INVOICES) == INVOICES * len(HUBS)
