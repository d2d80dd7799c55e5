"""Random histories: whatever the parties do, unspent + redeemed = issued <= confirmed, and nothing is half done."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError

from hub.receivables.certificates.store import CertificateRow
from hub.receivables.model import Certificate, Receivable
from hub.receivables.states import UNSPENT_STATES, CertificateState
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World

Rows = list[dict[str, Any]]

PARTIES = (trade.BUYER, trade.SUPPLIER, trade.SECOND_TIER)
SEEDS = range(4)
STEPS = 60
EXPECTED_REFUSALS = {
    "STATE_CONFLICT",
    "AMOUNT_EXCEEDS_RECEIVABLE",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "INVALID_ARGUMENT",
    "ALREADY_EXISTS",
}


class Mischief:
    """Picks what to try next: mostly sensible moves on real certificates, sometimes the same one again."""

    def __init__(self, world: World, receivable: Receivable, seed: int) -> None:
        self._world = world
        self._receivable_id = receivable.receivable_id
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self.ids: list[str] = []

    def next_move(self) -> Callable[[], Awaitable[object]]:
        if not self.ids or self._random.random() < 0.15:
            return self._issue
        moves = [self._accept, self._refuse, self._split, self._transfer, self._block, self._finance, self._release]
        return self._random.choice(moves)

    def _new_id(self) -> str:
        self.ids.append(f"certificate-{next(self._numbers):04d}")
        return self.ids[-1]

    async def _pick(self) -> str:
        """Mostly one that can still be used; now and then one that is spent or never was."""
        unspent = await CertificateRow.filter(state__in=list(UNSPENT_STATES)).order_by("certificate_id")
        if unspent and self._random.random() < 0.9:
            return self._random.choice(unspent).certificate_id
        return self._random.choice(self.ids) if self.ids else "certificate-none"

    async def _holder(self, certificate_id: str) -> tuple[str, int]:
        """Who holds it (now and then somebody else tries) and how much it is."""
        try:
            certificate = await self._world.service.get_certificate(certificate_id)
        except HuilianError:
            return trade.SUPPLIER, 2
        is_thief = self._random.random() < 0.1
        return self._random.choice(PARTIES) if is_thief else certificate.holder_uscc, certificate.amount_fen

    async def _issue(self) -> object:
        amount = self._random.randint(1, 30_000)
        issue = self._world.service.certificates.issue
        return await issue(trade.BUYER, self._new_id(), self._receivable_id, amount)

    async def _accept(self) -> object:
        picked = await self._pick()
        return await self._world.service.certificates.accept((await self._holder(picked))[0], picked)

    async def _refuse(self) -> object:
        picked = await self._pick()
        refused = await self._world.service.certificates.refuse((await self._holder(picked))[0], picked)
        if refused.returned is not None:
            self.ids.append(refused.returned.certificate_id)
        return refused

    async def _split(self) -> object:
        picked = await self._pick()
        holder, amount = await self._holder(picked)
        first = self._random.randint(0, amount)
        parts = [(self._new_id(), first), (self._new_id(), amount - first)]
        return await self._world.service.certificates.split(holder, picked, parts)

    async def _transfer(self) -> object:
        picked = await self._pick()
        holder, _ = await self._holder(picked)
        receiver = self._random.choice(PARTIES)
        return await self._world.service.certificates.transfer(holder, picked, self._new_id(), receiver)

    async def _block(self) -> object:
        return await self._world.service.block_for_financing(await self._pick(), self._financing())

    async def _finance(self) -> object:
        return await self._world.service.mark_financed(await self._pick(), self._financing())

    async def _release(self) -> object:
        return await self._world.service.release_block(await self._pick(), self._financing())

    def _financing(self) -> str:
        return f"financing-{self._random.randint(1, 2)}"


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_crowd_makes_or_loses_a_fen(world: World, seed: int) -> None:
    """Eight hands at once: whatever overlaps, the sums stay whole. One after the other is `tests/soak/histories`."""
    receivable = await world.confirmed()
    mischief = Mischief(world, receivable, seed)
    for _ in range(STEPS // 10):
        await asyncio.gather(*(attempt(world, mischief.next_move()) for _ in range(8)))
        await check_whole(world, receivable.receivable_id)
    await clear(world, receivable.receivable_id)


async def attempt(world: World, move: Callable[[], Awaitable[object]]) -> bool:
    """Try a move; a refusal must be one that the catalogue foresees for it."""
    try:
        await world.run(move)
    except HuilianError as error:
        assert error.code in EXPECTED_REFUSALS, error
        return False
    return True


async def check_whole(world: World, receivable_id: str) -> Rows:
    """The invariants of the design over one receivable and all its certificates; the rows that were looked at."""
    fetch = world.database.fetch
    [receivable] = await fetch("SELECT * FROM receivables_receivable WHERE receivable_id = $1", receivable_id)
    rows = await fetch("SELECT * FROM receivables_certificate WHERE receivable_id = $1", receivable_id)
    unspent = sum(row["amount_fen"] for row in rows if row["state"] in UNSPENT_STATES)
    redeemed = sum(row["amount_fen"] for row in rows if row["state"] == CertificateState.REDEEMED)
    assert unspent + redeemed == receivable["issued_fen"] <= receivable["amount_fen"]
    assert redeemed == receivable["redeemed_fen"]
    assert {row["due_date"] for row in rows} <= {receivable["due_date"]}
    outputs: dict[object, Rows] = defaultdict(list)
    for row in rows:
        outputs[row["parent_id"]].append(row)
    for row in rows:
        check_outputs(row, outputs[row["certificate_id"]])
    return rows


def check_outputs(row: dict[str, Any], outputs: Rows) -> None:
    """A certificate has outputs when it was spent into some, and then they are worth what it was."""
    gives_back = row["state"] in (CertificateState.REFUSED, CertificateState.CANCELLED) and row["parent_id"] is not None
    if row["state"] in (CertificateState.SPLIT, CertificateState.TRANSFERRED) or gives_back:
        assert sum(child["amount_fen"] for child in outputs) == row["amount_fen"]
    else:
        assert not outputs


async def clear(world: World, receivable_id: str) -> None:
    """On the due date everything that is still owed is redeemed, and the receivable settles."""
    rows = await CertificateRow.filter(receivable_id=receivable_id, state=CertificateState.BLOCKED)
    for row in rows:
        financing_id = str(row.financing_id)
        await release(world, row.certificate_id, financing_id)
    world.clock.advance(dt.timedelta(days=40))
    for certificate in await world.run(lambda: world.service.fall_due(receivable_id)):
        await redeem(world, certificate)
    await check_whole(world, receivable_id)
    settled = await world.run(lambda: world.service.settle(receivable_id))
    assert settled.redeemed_fen == settled.issued_fen


async def release(world: World, certificate_id: str, financing_id: str) -> None:
    await world.run(lambda: world.service.release_block(certificate_id, financing_id))


async def redeem(world: World, certificate: Certificate) -> None:
    await world.run(lambda: world.service.redeem(certificate.certificate_id))
