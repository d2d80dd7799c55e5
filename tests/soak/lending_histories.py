"""Random lives of financings and flash loans: after every step books, limits and loan events agree; in the end all is
paid.
"""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime

from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.unit.hub.lending.test_histories import Life
from tests.unit.hub.lending.world import LendingWorld

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
SHORTEST, LONGEST = 40, 120


async def case(rng: random.Random) -> int:
    """One life on one of the two databases; answers the number of steps that were checked."""
    seed, steps = rng.getrandbits(32), rng.randint(SHORTEST, LONGEST)
    return await on_fresh_database(rng.choice(DIALECTS), None, lambda database: _play(database, seed, steps))


async def _play(database: Database, seed: int, steps: int) -> int:
    numbers = itertools.count(1)
    life = Life(LendingWorld(database, FixedClock(START), lambda: f"id-{next(numbers):08d}"), seed)
    await life.begin()
    for _ in range(steps):
        await life.step()
        await life.check()
    await life.end()
    await life.check()
    return steps
