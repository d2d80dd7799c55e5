"""The supplier journey on a site of real processes while hub and chain die by SIGKILL at random moments.

One case is one journey on a fresh site. Each step is repeated as a client would repeat it; at the end every state,
balance and receipt must be as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.journeys.step import run_steps
from deploy.journeys.supplier import SupplierJourney
from tests.support.journeys import check_journey, repeated
from tests.support.sites import HUB, RunningSite, new_site, running_site

VICTIMS = ((HUB,), (HUB,), (HUB,), ("chain",), ("chain",), (HUB, "chain"))
CALM_S, DOWN_S = (0.05, 1.2), (0.0, 0.5)
PATIENCE_S = 120.0
NOT_OURS = "trade-in-erp"  # happens in Tryton, before the killing begins

logger = logging.getLogger(__name__)


async def case(rng: random.Random) -> int:
    """One journey; answers the number of kills that it survived."""
    with tempfile.TemporaryDirectory(prefix="huilian-kills-") as name:
        folder = Path(name)
        async with running_site(new_site(folder), government=False) as running:
            await _walk(running, rng, folder)
            return running.crashes


async def _walk(running: RunningSite, rng: random.Random, folder: Path) -> None:
    receipts = folder / "receipts"
    async with SupplierJourney(running.site, running.site.hub(HUB), None, receipts) as journey:
        trade, *steps = journey.steps()
        assert trade.name == NOT_OURS
        results = await run_steps([trade], folder, "trade", logger.info)
        async with _killing(running, rng):
            results += await run_steps([repeated(step, PATIENCE_S) for step in steps], folder, "kills", logger.info)
    check_journey(running.site, results, len(steps) + 1, receipts)
    assert running.crashes > 0


@asynccontextmanager
async def _killing(running: RunningSite, rng: random.Random) -> AsyncIterator[None]:
    """Kill and restart until the block ends; whoever is down then comes up again, and an error of the killer counts."""
    enough = asyncio.Event()
    killer = asyncio.create_task(_kill_until(enough, running, rng))
    try:
        yield
    finally:
        enough.set()
        await killer


async def _kill_until(enough: asyncio.Event, running: RunningSite, rng: random.Random) -> None:
    while not enough.is_set():
        victims = rng.choice(VICTIMS)
        for name in victims:
            running.crash(name)
        await asyncio.sleep(rng.uniform(*DOWN_S))
        for name in rng.sample(victims, len(victims)):
            await running.restart(name)
        try:
            await asyncio.wait_for(enough.wait(), rng.uniform(*CALM_S))
        except TimeoutError:
            continue
