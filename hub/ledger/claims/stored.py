"""Queries over claims and the holds that they share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.ledger.claims.store import ClaimRow, HoldRow
from hub.platform.database import Database

_LIVE_HOLD = (
    "state = 'WANTED' AND EXISTS (SELECT 1 FROM ledger_claim"
    " WHERE ledger_claim.hold_id = ledger_hold.id AND ledger_claim.state = 'FINANCED')"
)


class ClaimStore:
    """Claims and the holds that they share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, claim_id: str, hold_id: str, state: str, reason: str, at: datetime) -> None:
        """Store a new claim."""
        await ClaimRow.create(claim_id=claim_id, hold_id=hold_id, state=state, reason=reason, requested_at=at)

    async def find(self, claim_id: str) -> ClaimRow | None:
        """Return a claim."""
        return await ClaimRow.get_or_none(claim_id=claim_id)

    async def move(self, claim_id: str, old: Sequence[str], new: str, reason: str = "") -> bool:
        """Change a claim's state if it is one of `old`; tell whether it was."""
        moved = await ClaimRow.filter(claim_id=claim_id, state__in=list(old)).update(state=new, reason=reason)
        return moved == 1

    async def count(self, hold_id: str, states: Sequence[str]) -> int:
        """Return how many claims on a hold are in one of these states."""
        return await ClaimRow.filter(hold_id=hold_id, state__in=list(states)).count()

    async def lock_hold(self, hold_id: str) -> HoldRow | None:
        """Return a hold, with nobody else changing it or its claims until this transaction ends."""
        await self._database.lock("ledger", "hold", hold_id)
        return await HoldRow.get_or_none(id=hold_id)

    async def hold(self, hold_id: str) -> HoldRow:
        """Return a hold that exists."""
        return await HoldRow.get(id=hold_id)

    async def add_hold(self, hold: HoldRow) -> None:
        """Store a new hold."""
        await hold.save(force_create=True)

    async def enter(self, hold: HoldRow, state: str, deed: str) -> bool:
        """Note which transaction a hold is in; False when it is not as the caller read it, or not in this state."""
        unchanged = HoldRow.filter(id=hold.id, deed=hold.deed, salt=hold.salt, state=state)
        return await unchanged.update(deed=deed) == 1

    async def hold_of(self, owner_commitment: str) -> HoldRow | None:
        """Return the hold with this owner commitment (hex)."""
        return await HoldRow.filter(owner_commitment=owner_commitment).first()

    async def first_live(self, hold_id: str) -> ClaimRow | None:
        """Return the oldest financed claim on a hold."""
        return await ClaimRow.filter(hold_id=hold_id, state="FINANCED").order_by("requested_at", "claim_id").first()

    async def locked_epochs(self) -> list[str]:
        """Return which `locked_epochs` there are among the holds that a financed claim needs."""
        sql = f"SELECT DISTINCT locked_epochs FROM ledger_hold WHERE {_LIVE_HOLD}"  # noqa: S608  a constant
        return [row["locked_epochs"] for row in await self._database.fetch(sql)]

    async def live_holds(self, locked_epochs: str, after: str, limit: int) -> list[HoldRow]:
        """Return holds that a financed claim needs, with these `locked_epochs`, by id, those after an id."""
        condition = f"{_LIVE_HOLD} AND locked_epochs = $1 AND id > $2"
        sql = f"SELECT id FROM ledger_hold WHERE {condition} ORDER BY id LIMIT $3"  # noqa: S608  a constant
        ids = [row["id"] for row in await self._database.fetch(sql, locked_epochs, after, limit)]
        return await HoldRow.filter(id__in=ids).order_by("id")
