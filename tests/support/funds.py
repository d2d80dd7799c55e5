"""The port `Funds` for tests of reads: nobody pays for anything there."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError

from hub.exchange.action_rules import Order


class NoFunds:
    """A bank that pays nothing."""

    async def reserve(self, order: Order) -> None:
        """Refuse."""
        raise HuilianError("INSUFFICIENT_FUNDS")

    async def settle(self, order: Order, envelope: bytes) -> str:
        """Never reached: nothing was reserved."""
        raise AssertionError(order.row_id)

    async def release(self, order: Order, reason: str) -> None:
        """Never reached: nothing was reserved."""
        raise AssertionError(order.row_id)
