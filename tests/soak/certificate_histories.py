"""Eight hands at once on the certificates of a receivable, from confirmation to settlement; no order can be foretold.

After every round the design's invariants must hold and nothing that was spent may have changed; at the end the log
alone must give back every certificate as it is stored. One hand after the other is `lending_histories`.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from hub.receivables.certificates.store import CertificateRow
from hub.receivables.model import Receivable
from hub.receivables.states import UNSPENT_STATES, CertificateState
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.unit.hub.receivables.test_conservation import Mischief, attempt, check_whole
from tests.unit.hub.receivables.world import World

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
TO_DUE_DATE = timedelta(days=40)
HANDS = 8
PACKAGES = ["hub.platform", "hub.ledger", "hub.receivables"]
LONGEST, SHORTEST = 160, 40


class WholeLife(Mischief):
    """Mischief that goes on after the due date, when certificates are redeemed and the receivable is settled."""

    def __init__(self, world: World, receivable: Receivable, seed: int) -> None:
        super().__init__(world, receivable, seed)
        self.is_due = False

    def next_move(self) -> Callable[[], Awaitable[object]]:
        """What to try next; too early and too late are tried as well."""
        if self._random.random() < (0.85 if self.is_due else 0.03):
            moves = [self._fall_due, self._release, self._settle]
            return self._random.choice([*moves, *[self._redeem] * 6])
        return super().next_move()

    async def _fall_due(self) -> object:
        return await self._world.service.fall_due(self._receivable_id)

    async def _redeem(self) -> object:
        return await self._world.service.redeem(await self._pick())

    async def _settle(self) -> object:
        return await self._world.service.settle(self._receivable_id)


async def case(rng: random.Random) -> int:
    """One history on one of the databases; answers the number of steps that were checked."""
    seed, rounds = rng.getrandbits(32), rng.randint(SHORTEST, LONGEST) // HANDS
    return await on_fresh_database(rng.choice(DIALECTS), PACKAGES, lambda database: _crowd(database, seed, rounds))


async def _crowd(database: Database, seed: int, rounds: int) -> int:
    world, receivable = await _confirmed(database)
    life, spent = WholeLife(world, receivable, seed), dict[str, Any]()
    for _ in range(rounds):
        await asyncio.gather(*(attempt(world, life.next_move()) for _ in range(HANDS)))
        await _check(world, receivable, spent)
    world.clock.advance(TO_DUE_DATE)
    life.is_due = True
    for _ in range(rounds):
        await asyncio.gather(*(attempt(world, life.next_move()) for _ in range(HANDS)))
        await _check(world, receivable, spent)
    await _check_log(world)
    return 2 * rounds * HANDS


async def _confirmed(database: Database) -> tuple[World, Receivable]:
    numbers = itertools.count(1)
    world = World(database, FixedClock(START), lambda: f"id-{next(numbers):08d}")
    return world, await world.confirmed()


async def _check(world: World, receivable: Receivable, spent: dict[str, Any]) -> None:
    rows = await check_whole(world, receivable.receivable_id)
    now = {row["certificate_id"]: row for row in rows if row["state"] not in UNSPENT_STATES}
    assert spent.items() <= now.items(), "a spent certificate changed"
    spent.update(now)


async def _check_log(world: World) -> None:
    """Every certificate follows from the records of the log."""
    told: dict[str, tuple[str, str, int]] = {}
    for kind, content, _ in (await world.records()).values():
        if kind.startswith("certificate."):
            _tell(told, kind.removeprefix("certificate."), content)
    stored = {row.certificate_id: (row.state, row.holder_uscc, row.amount_fen) for row in await CertificateRow.all()}
    assert told == stored, "the log tells another story than the tables"


def _tell(told: dict[str, tuple[str, str, int]], event: str, content: dict[str, Any]) -> None:
    name, holder = content["certificate_id"], content["holder_uscc"]
    told[name] = (content["state"], holder, content["amount_fen"])
    if event == "split":
        for part in content["parts"]:
            told[part["certificate_id"]] = (CertificateState.HELD.value, holder, part["amount_fen"])
    if event == "transferred":
        told[content["parent_id"]] = (CertificateState.TRANSFERRED.value, *told[content["parent_id"]][1:])
