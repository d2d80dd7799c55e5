"""Two banks on one chain, each with a database and claim keys of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextvars import Context
from datetime import date, timedelta
from typing import Any, TypeVar

from huilian_protocol.clock import FixedClock

from hub.ledger.claims.rules import ClaimState
from ledger.registry.fingerprints import HmacClaimKeys, InvoiceIdentity, QuorumMissing
from tests.unit.hub.ledger.ledger_support import HubLedger

Answer = TypeVar("Answer")
OLD, NEW = bytes(range(32)), bytes(range(1, 33))
INVOICE = InvoiceIdentity(
    "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", "26312000000012345678", 1_130_000, date(2026, 3, 2), "", "5" * 20
)


class Keys(HmacClaimKeys):
    """HMAC keys whose active epochs a test changes."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self.change(keys)
        self.away = False

    def change(self, keys: Mapping[int, bytes]) -> None:
        super().__init__(keys)

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        if self.away:
            raise QuorumMissing(epoch, 2, 1)
        return await super().evaluate(epoch, identifiers)


class Bank:
    """One hub with keys of its own. Its database belongs to a context of its own, as it would to its own process."""

    def __init__(self, hub: HubLedger, keys: Keys, clock: FixedClock, context: Context) -> None:
        self.hub, self.keys, self._clock, self._context = hub, keys, clock, context

    async def claim(self, claim_id: str) -> ClaimState:
        async def ask() -> None:
            async with self.hub.database.transaction():
                await self.hub.claims.request(claim_id, INVOICE)

        await self.here(ask())
        await self.settle()
        return await self.state(claim_id)

    async def state(self, claim_id: str) -> ClaimState:
        return await self.here(self.hub.claims.state(claim_id))

    async def extend(self) -> int:
        return await self.here(self.hub.claims.extend_holds())

    async def start(self) -> None:
        await self.here(self.hub.claims.check_at_start())

    async def release(self, claim_id: str) -> None:
        async def give_up() -> None:
            async with self.hub.database.transaction():
                await self.hub.claims.release(claim_id)

        await self.here(give_up())
        await self.settle()

    async def settle(self) -> None:
        for _ in range(4):
            await self.here(self.hub.outbox.drain())
            self._clock.advance(timedelta(seconds=5))

    async def here(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return await asyncio.create_task(doing, context=self._context)
