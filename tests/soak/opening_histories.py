"""Random lives of applications for accounts, on SQLite and on PostgreSQL: one act after another, cut off anywhere,
then many at once. What must hold is looked at after every act and every round.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.unit.hub.onboarding.opening_history import ENTERPRISES, STEPS_OF_TWO, History, check
from tests.unit.hub.onboarding.opening_world import OpeningWorld

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PACKAGES = ["hub.platform", "hub.onboarding"]
PAIRS, HANDS, ROUNDS = 4, 6, 10


async def case(rng: random.Random) -> int:
    """One history; answers the number of acts."""
    seed = rng.getrandbits(32)
    return await on_fresh_database(rng.choice(DIALECTS), PACKAGES, lambda database: _play(database, seed))


async def _play(database: Database, seed: int) -> int:
    clock = FixedClock(START)
    world = OpeningWorld(database, clock)
    steps = PAIRS * STEPS_OF_TWO
    for uscc in ENTERPRISES[: (steps + HANDS * ROUNDS) // STEPS_OF_TWO + 2]:
        await world.verified(uscc)
    history = History(world, clock, seed)
    for _ in range(steps):
        await history.step()
        await check(world)
    for _ in range(ROUNDS):
        await history.round(HANDS)
        await check(world)
    return steps + HANDS * ROUNDS
