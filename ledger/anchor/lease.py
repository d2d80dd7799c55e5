"""Who alone may sign for a hub at present: one process at a time, whatever happens to the one before it."""

from __future__ import annotations

from datetime import datetime, timedelta

from huilian_protocol.clock import Clock

from ledger.anchor.outbox import TransactionStore

LEASE_LENGTH = timedelta(seconds=5)


class Lease:
    """This process's claim to be the one that signs; several senders of one process may share it.

    The clock only decides when another process may take over; that the one before stores nothing afterwards is the
    token's doing (`TransactionStore`), so clocks that disagree cost time, never a second set of bytes.
    """

    def __init__(
        self,
        store: TransactionStore,
        holder: str,
        clock: Clock,
        length: timedelta = LEASE_LENGTH,
        *,
        urgent: bool = False,
    ) -> None:
        """`holder` names this process among those of the hub; an urgent one is let in by whoever has the lease.

        After `length` without a sign of life another process may take over.
        """
        self._length = length
        self._urgent = urgent
        self._store = store
        self._holder = holder
        self._clock = clock
        self._token: int | None = None
        self._until: datetime | None = None

    async def token(self) -> int | None:
        """Return the token that new bytes are stored under, or None while another process signs."""
        now = self._clock.now()
        if self._token is None or self._until is None or now >= self._until:
            self._token = await self._store.lease(self._holder, now, self._length, urgent=self._urgent)
            # Prolonged well before it ends.
            self._until = now + self._length / 3
        return self._token

    def lost(self) -> None:
        """Note that another process has it."""
        self._token = None

    async def give_back(self) -> None:
        """Let the next process in at once."""
        if self._token is not None:
            token, self._token = self._token, None
            await self._store.give_back(token)
