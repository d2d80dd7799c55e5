"""The hub dies by SIGKILL around every step of the supplier journey; the journey goes on, nothing lost, nothing twice.

The journey's own steps judge: balances to the fen, states, receipts. Request ids are fixed, so a step that was cut off
is repeated as a client would repeat it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

from huilian_protocol.errors import HuilianError

from deploy.journeys.step import Step, run_steps
from deploy.journeys.supplier import SupplierJourney
from tests.support.journeys import CUT_OFF, check_journey, repeated
from tests.support.sites import RunningSite

PATIENCE_S = 60.0


async def test_kill_around_every_step(running: RunningSite, tmp_path: Path) -> None:
    rng = random.Random(20_260_302)

    def killed(number: int, step: Step) -> Step:
        between = number % 3 == 0 or step.name == "trade-in-erp"  # which happens in Tryton, not in the hub
        return _killed_after(running, step) if between else _killed_during(running, step, rng.uniform(0.0, 0.03))

    receipts = tmp_path / "receipts"
    async with SupplierJourney(running.site, running.site.hub("hub-a"), None, receipts) as journey:
        steps = [killed(number, step) for number, step in enumerate(journey.steps())]
        results = await run_steps(steps, tmp_path, "kills", logging.info)
    check_journey(running.site, results, len(steps), receipts)
    assert running.crashes == len(steps)


def _killed_after(running: RunningSite, step: Step) -> Step:
    async def action() -> object:
        done = await step.action()
        running.crash()
        await running.restart()
        return done

    return Step(step.name, step.title, action)


def _killed_during(running: RunningSite, step: Step, delay_s: float) -> Step:
    async def action() -> object:
        running_step = asyncio.create_task(step.action())  # type: ignore[arg-type]
        await asyncio.sleep(delay_s)
        running.crash()
        await running.restart()
        try:
            return await running_step
        except HuilianError as error:
            if error.code not in CUT_OFF:
                raise
        return await repeated(step, PATIENCE_S).action()

    return Step(step.name, step.title, action)
