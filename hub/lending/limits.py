"""Credit limits: block -> utilise -> release. Blocked plus utilised never exceeds the limit (a CHECK says so too)."""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.errors import HuilianError

from hub.lending import stored_limits as stored
from hub.lending.store import LimitUseRow
from hub.platform.database import Database


@dataclass(frozen=True)
class Limit:
    """A limit and its use, in fen."""

    limit_fen: int
    blocked_fen: int
    utilised_fen: int

    @property
    def available_fen(self) -> int:
        """What can still be blocked or drawn."""
        return self.limit_fen - self.blocked_fen - self.utilised_fen


def limit_id(product_id: str, party: str) -> str:
    """Id of a party's limit for a product."""
    return f"{product_id}:{party}"


class Limits:
    """Every call runs inside the caller's transaction. A `reference` is what holds a part: a financing or a loan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, identity: str) -> Limit:
        """A limit. Raises NOT_FOUND."""
        row = await stored.find(identity)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="limit")
        return Limit(row.limit_fen, row.blocked_fen, row.utilised_fen)

    async def ensure(self, identity: str, limit_fen: int) -> None:
        """Opens a limit of that amount unless there is one."""
        await self._database.lock("limit", identity)
        if await stored.find(identity) is None:
            await stored.add(identity, limit_fen)

    async def set(self, identity: str, limit_fen: int) -> None:
        """Opens or changes a limit. Raises LIMIT_EXCEEDED when more than that is in use."""
        await self.ensure(identity, limit_fen)
        if not await stored.set_amount(self._database, identity, limit_fen):
            raise HuilianError(
                "LIMIT_EXCEEDED", "more is in use", available_fen=(await self.get(identity)).available_fen
            )

    async def block(self, identity: str, reference: str, amount_fen: int) -> None:
        """Sets an amount aside. Raises LIMIT_EXCEEDED, NOT_FOUND."""
        await self._take(identity, reference, amount_fen, 0)

    async def draw(self, identity: str, reference: str, amount_fen: int) -> None:
        """Utilises an amount that was not blocked. Raises LIMIT_EXCEEDED, NOT_FOUND."""
        await self._take(identity, reference, 0, amount_fen)

    async def utilise(self, reference: str) -> None:
        """What the reference had blocked is utilised now."""
        use = await self._use(reference)
        await self._move(use.limit_id, reference, -use.blocked_fen, use.blocked_fen)

    async def release_block(self, reference: str) -> None:
        """Gives back what the reference had blocked."""
        use = await self._use(reference)
        await self._move(use.limit_id, reference, -use.blocked_fen, 0)

    async def repay(self, reference: str, amount_fen: int) -> None:
        """Gives back a part of what the reference utilises."""
        use = await self._use(reference)
        await self._move(use.limit_id, reference, 0, -amount_fen)

    async def _take(self, identity: str, reference: str, blocked_fen: int, utilised_fen: int) -> None:
        if not await stored.take(self._database, identity, blocked_fen, utilised_fen):
            raise HuilianError("LIMIT_EXCEEDED", available_fen=(await self.get(identity)).available_fen)
        if await stored.find_use(reference) is None:
            await stored.add_use(reference, identity)
        await stored.change_use(self._database, reference, blocked_fen, utilised_fen)

    async def _move(self, identity: str, reference: str, blocked_fen: int, utilised_fen: int) -> None:
        # The limit's row first, as everywhere, so that two writers never wait for each other.
        if not await stored.take(self._database, identity, blocked_fen, utilised_fen):
            raise AssertionError(f"giving back to limit {identity} exceeds it")
        await stored.change_use(self._database, reference, blocked_fen, utilised_fen)

    async def _use(self, reference: str) -> LimitUseRow:
        use = await stored.find_use(reference)
        if use is None:
            raise HuilianError("NOT_FOUND", resource="limit use")
        return use
