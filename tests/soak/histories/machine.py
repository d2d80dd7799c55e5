"""The same steps as a state machine of hypothesis, which leaves out by itself whatever a failure does not need."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import ClassVar

import uvloop
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.soak.campaign import Tally
from tests.soak.databases import DIALECTS, fresh_database
from tests.soak.histories.ending import come_to_an_end
from tests.soak.histories.history import History

BEGINNING = 1
EXAMPLES, STEPS = 6, 60
SEEDS = st.integers(0, 2**32 - 1)


class HistoryMachine(RuleBasedStateMachine):
    """One history; `counted` sums up those of all examples. Its event loop lasts from the first step to the last."""

    dialect: ClassVar[str]
    counted: ClassVar[Counter[str]]
    steps: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack, self._broken = AsyncExitStack(), False
        try:
            self._history = self._runner.run(self._begun())
        except BaseException:
            self._close()
            raise

    async def _begun(self) -> History:
        history = History(await self._stack.enter_async_context(fresh_database(self.dialect, None, alone=True)))
        await history.begin(BEGINNING)
        return history

    @rule(seed=SEEDS)
    def step(self, seed: int) -> None:
        """Somebody does something, or time passes, or the process dies."""
        try:
            self._runner.run(self._history.step(seed))
        except BaseException:
            self._broken = True
            raise

    def teardown(self) -> None:
        """Everything that is owed is paid; then nothing is held. What broke before says so itself."""
        try:
            if not self._broken:
                self._runner.run(self._ended())
        finally:
            self._close()

    def _close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _ended(self) -> None:
        await come_to_an_end(self._history.life)
        await self._history.end()
        type(self).counted.update(self._history.counted)
        type(self).steps += self._history.steps


def explore(dialect: str, number: int, examples: int = EXAMPLES, steps: int = STEPS) -> Tally:
    """So many examples of at most so many steps, from a seed; raises on a breach, with the steps that it needs."""
    machine: type[HistoryMachine] = type(
        "Machine", (HistoryMachine,), {"dialect": dialect, "counted": Counter(), "steps": 0}
    )
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Tally(machine.steps, machine.counted)


async def case(rng: random.Random) -> Tally:
    """In a thread of its own: the machine brings its own event loop."""
    return await asyncio.to_thread(explore, rng.choice(DIALECTS), rng.getrandbits(32))
