"""What the convenience zone needs of others; `hub/main.py` hands in who provides it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from huilian_protocol.artefact import Artefact

from hub.exchange.action_rules import Order
from hub.exchange.service import Delivery, Read

# The recipient that persons' consents to the convenience zone name.
RECIPIENT = "bank.convenience"


class SubjectVault(Protocol):
    """Encryption under a person's own key (hub/platform)."""

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Readable until the person's key is destroyed."""
        ...

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """What was encrypted for the person. Raises NOT_FOUND once the key is destroyed."""
        ...


class Consent(Protocol):
    """A consent as far as the convenience zone looks into it."""

    @property
    def artefact(self) -> Artefact: ...


class Consents(Protocol):
    """Consents of persons (hub/consent)."""

    async def find(self, consent_id: str) -> Consent:
        """Any consent. Raises NOT_FOUND."""
        ...


class Actions(Protocol):
    """Actions that persons ordered (hub/exchange)."""

    async def end_by_hand(self, row_id: str, move: Callable[[Order], Awaitable[str]]) -> None:
        """Ends, inside the caller's transaction, an action of which nobody knows what became. Raises STATE_CONFLICT."""
        ...


class Exchange(Protocol):
    """Consented reads (hub/exchange); opens its own transactions, so never inside one."""

    async def fetch(self, requested_by: str, read: Read) -> Delivery:
        """One read under a consent; the same request id gives the first answer again."""
        ...
