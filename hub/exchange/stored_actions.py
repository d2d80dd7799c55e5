"""Queries over actions: see `ActionRow`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tortoise.expressions import Q

from hub.exchange.store import ActionPhase, ActionRow, quota_key
from hub.platform.database import Database

BATCH = 16


class ActionStore:
    """The only SQL about actions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, row_id: str, consent_id: str, counted: Iterable[str]) -> ActionRow | None:
        """The action, or None, with nobody else changing it, its consent, or what was counted there, until this
        transaction ends.
        """
        quotas = [("exchange-quota", quota_key(consent_id, name)) for name in counted]
        await self._database.lock_all([("exchange-action", row_id), ("consent", consent_id), *quotas])
        return await ActionRow.get_or_none(id=row_id)

    async def find(self, row_id: str) -> ActionRow | None:
        """The action, or None."""
        return await ActionRow.get_or_none(id=row_id)

    async def put(self, row: ActionRow) -> None:
        """Store an action as it stands now."""
        await row.save(force_create=not row._saved_in_db)

    async def due(self, now: datetime) -> list[ActionRow]:
        """Some whose end is unknown and that nobody is working on, the longest waiting first."""
        open_ended = Q(phase__in=[ActionPhase.RUNNING, ActionPhase.OPEN], next_try_at__lte=now)
        return await ActionRow.filter(open_ended).order_by("next_try_at").limit(BATCH)
