"""Conflicts between a claim of this hub and one of another bank."""

from __future__ import annotations

import hashlib
from datetime import datetime

from hub.ledger.conflicts.store import ConflictRow
from hub.platform.database import Database


class ConflictStore:
    """Every call runs in the caller's transaction, if there is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, claim_id: str, hub: str, counterpart: str, claimed_at: datetime, *, refused: bool
    ) -> ConflictRow | None:
        """Store a conflict; None when these two claims' conflict is stored already."""
        await self._database.lock("ledger", "conflicts")
        named = hashlib.sha256("\0".join([claim_id, hub, counterpart]).encode()).hexdigest()
        row = ConflictRow(
            id=f"claim-conflict:{named}",
            sequence=await ConflictRow.all().count() + 1,
            claim_id=claim_id,
            refused=refused,
            counterpart_hub=hub,
            counterpart_claim_id=counterpart,
            counterpart_claimed_at=claimed_at,
        )
        if await ConflictRow.exists(id=row.id):
            return None
        await row.save(force_create=True)
        return row

    async def newest(self, limit: int) -> list[ConflictRow]:
        """Return conflicts, newest first."""
        return await ConflictRow.all().order_by("-sequence").limit(limit)
