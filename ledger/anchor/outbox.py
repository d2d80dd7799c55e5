"""What is to happen on the chain, from the deed to its final block: prepared → signed → sent → mined → final.

The port behind which a hub keeps it. Each step is durable before the next begins, so a process that dies anywhere is
simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from huilian_protocol.keccak import keccak256


class TransactionState(StrEnum):
    """How far a deed has come. MINED may be undone by a reorganisation; SUCCEEDED and REVERTED are final."""

    PREPARED = "PREPARED"
    SIGNED = "SIGNED"
    SENT = "SENT"
    MINED = "MINED"
    SUCCEEDED = "SUCCEEDED"
    REVERTED = "REVERTED"


@dataclass(frozen=True, slots=True)
class Deed:
    """A call of the contract that is to happen once; the purpose names it."""

    purpose: str
    data: bytes
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Variant:
    """Signed bytes for one nonce and the price that they offer (wei per gas)."""

    raw: bytes
    gas_price: int

    @property
    def hash(self) -> str:
        """The transaction hash, 0x-prefixed."""
        return "0x" + keccak256(self.raw).hex()


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A deed that is not final. Without a nonce it is not signed; `variants` are all bytes ever signed, oldest first.

    `sent_at` is when the newest variant went out first.
    """

    deed: Deed
    state: TransactionState
    sender: str | None = None
    nonce: int | None = None
    variants: tuple[Variant, ...] = ()
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SettledTransaction:
    """A transaction that is final. `succeeded` is False when the contract refused it."""

    purpose: str
    raw: bytes
    hash: str
    succeeded: bool
    block_number: int
    block_hash: str


class LeaseLost(Exception):
    """Another process writes for the hub now; nothing was stored."""


class TransactionStore(Protocol):
    """Durable memory of what one hub does on one chain, shared by its processes.

    Whatever is signed is stored under the token of the lease: once another process has taken the lease over, a
    process that had it before can store nothing, and so never sends other bytes for a nonce.
    """

    async def settled(self, purpose: str) -> SettledTransaction | None:
        """Return the final transaction of this purpose, if there is one."""

    async def prepare(self, deed: Deed, contract: str, at: datetime) -> None:
        """Store a deed; one whose purpose is known is left as it is."""

    async def unsettled(self) -> Sequence[OpenTransaction]:
        """Return all that is not final: what is signed by nonce, then the rest in the order of preparation."""

    async def lease(self, holder: str, now: datetime, length: timedelta, *, urgent: bool = False) -> int | None:
        """Take or prolong the lease until `now + length`; its token, or None while another holder has it.

        An urgent holder gets it when the present one would prolong it.
        """

    async def give_back(self, token: int) -> None:
        """End the lease early, if it is still this one."""

    async def sign(
        self, token: int, purpose: str, sender: str, first_nonce: int, sign: Callable[[int], Variant]
    ) -> OpenTransaction:
        """Store `sign(nonce)` with the sender's next nonce (at least `first_nonce`). Raises `LeaseLost`."""

    async def add_variant(self, token: int, purpose: str, variant: Variant, at: datetime) -> None:
        """Store other bytes for the same nonce. Raises `LeaseLost`."""

    async def mark(self, purpose: str, state: TransactionState, at: datetime | None = None) -> None:
        """Note that a transaction was sent (`at`) or mined, or is waiting again."""

    async def settle(self, transaction: SettledTransaction) -> None:
        """Store that a transaction is final, and which of its variants it was."""
