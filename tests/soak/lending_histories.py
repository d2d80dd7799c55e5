"""Random histories of trade, certificates, loans and books on SQLite and PostgreSQL, with crashes: see `histories`.

`python -m tests.soak.lending_histories DIALECT SEED STEPS` plays one again and, where it breaks, leaves out every step
without which it still breaks.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys

from hub.platform.database import Database
from tests.soak.campaign import Tally
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.soak.histories.history import History, HistoryBroken, drawn, shrunk

SHORTEST, LONGEST = 100, 400
FLOORS = {
    "crashed": 15,
    "apply done": 8,
    "financing DISBURSED": 2.5,
    "order loan ENDED": 3,
    "bid done": 8,
    "auction FUNDED": 2,
    "dealer loan DISBURSED": 0.8,
    "transfer done": 3,
    "pay part done": 4,
    "repay done": 8,
    "back-date done": 8,
    "loan event REVERSAL": 1,
    "loan event RECOURSE": 1,
    "loan event CHARGE_OFF": 0.5,
    "loan event RESTRUCTURE": 0.8,
}
"""For each thousand steps; about a third of what the steps' weights give."""


async def case(rng: random.Random) -> Tally:
    """One history on one of the two databases; the number of steps that were checked, and of which kinds."""
    dialect, seed, count = rng.choice(DIALECTS), rng.getrandbits(32), rng.randint(SHORTEST, LONGEST)
    try:
        return await _tally(dialect, drawn(seed, count))
    except HistoryBroken as error:
        raise HistoryBroken(f"{dialect} {seed} {count}: {error}") from error


async def _tally(dialect: str, steps: list[int]) -> Tally:
    async def play(database: Database) -> Tally:
        history = History(database)
        await history.play(steps)
        return Tally(history.steps, history.counted)

    hub = logging.getLogger("hub")
    hub.setLevel(logging.CRITICAL)  # every crash would be logged
    try:
        return await on_fresh_database(dialect, None, play, alone=True)
    finally:
        hub.setLevel(logging.NOTSET)


async def _again(dialect: str, seed: int, count: int) -> None:
    async def breaks(steps: list[int]) -> bool:
        try:
            await _tally(dialect, steps)
        except HistoryBroken as error:
            sys.stdout.write(f"{len(steps)} {error}\n")
            return True
        return False

    steps = drawn(seed, count)
    if await breaks(steps):
        sys.stdout.write(f"{await shrunk(steps, breaks)}\n")


if __name__ == "__main__":
    asyncio.run(_again(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
