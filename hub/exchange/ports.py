"""What the exchange needs of others, in the shape it needs; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from typing import Protocol

from hub.exchange.action_rules import Order


class Funds(Protocol):
    """Pays for actions (hub/convenience). Every call runs inside the transaction that moves the action itself on."""

    async def reserve(self, order: Order) -> None:
        """Set aside the most that the action may cost, before anything leaves the hub.

        Raises INSUFFICIENT_FUNDS, or RECIPIENT_KEY_MISMATCH for a consent whose result the bank cannot open.
        """
        ...

    async def settle(self, order: Order, envelope: bytes) -> str:
        """Pay what the agency took and give back the rest; EXECUTED, or REJECTED when the agency did nothing.

        Raises PROVIDER_FAULT for a result that does not open or says something odd; then nothing is moved.
        """
        ...

    async def release(self, order: Order, reason: str) -> None:
        """Give back what was set aside: nothing was done and nothing will be. `reason` is a catalogue code."""
        ...
