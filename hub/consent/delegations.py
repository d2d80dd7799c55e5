"""Delegations at this hub: whether a chain still stands, and the end of one by itself.

A delegation is its signed statement, known by its SHA-256; the hub keeps none of them, only which were taken back. Who
takes one back ends every consent under it, also those that were passed on further.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.delegation import Link, verify_chain
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors

from hub.consent.store import ConsentRow, ConsentStore
from hub.consent.view import chain_of

EndConsent = Callable[[ConsentRow], Awaitable[None]]
TellEdges = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Ended:
    """What the end of a delegation ended."""

    statement_sha256: bytes
    consent_ids: tuple[str, ...]


class Delegations:
    """Which delegations were taken back. Every method runs inside the caller's transaction."""

    def __init__(self, store: ConsentStore, clock: Clock, trust: Callable[[], TrustAnchors]) -> None:
        self._store, self._clock, self._trust = store, clock, trust

    async def require_standing(self, chain: Sequence[Link]) -> None:
        """Raise DELEGATION_INVALID when a link was taken back; nobody takes one back until the transaction ends."""
        for link in chain:
            if await self._store.lock_delegation(link.statement.sha256) is not None:
                raise HuilianError("DELEGATION_INVALID", reason="it was revoked")

    async def hold(self, consent_id: str, version: int) -> None:
        """Keep the chain of what is about to be granted from being taken back meanwhile.

        Before the consent's own lock: whoever takes a delegation back locks it first and its consents after it.
        """
        await self.require_standing(chain_of(await self._store.delegation_of(consent_id, version)))

    async def revoke(self, caller: str, delegation: bytes, end: EndConsent, tell: TellEdges) -> Ended:
        """Take back the last link of a chain: for its delegator, its delegate and the subject of the data.

        Raises DELEGATION_INVALID for a chain that does not hold (an expired one needs no end) or was taken back
        already, and NOT_FOUND for somebody else's.
        """
        chain = chain_of(delegation)
        if not chain:
            raise HuilianError("DELEGATION_INVALID", reason="no delegation")
        subject, last = chain[0].statement.delegator, chain[-1].statement
        if caller not in {subject, last.delegator, last.delegate}:
            raise HuilianError("NOT_FOUND", resource="delegation")
        verify_chain(chain, subject=subject, delegate=last.delegate, trust=self._trust(), now=self._clock.now())
        await self.require_standing(chain)
        await self._store.put_delegation_revocation(last.sha256, self._clock.now())
        # Consents are locked before the notices, as everywhere.
        ended = [row for row in await self._store.live_delegated(subject) if _is_under(row, last.sha256)]
        # Edges refuse what a dishonest hub would still forward; the consents known here end each by its own notice.
        await tell(last.sha256)
        for row in ended:
            await end(row)
        return Ended(last.sha256, tuple(row.id for row in ended))


def _is_under(row: ConsentRow, statement: bytes) -> bool:
    return any(link.statement.sha256 == statement for link in chain_of(row.delegation))
