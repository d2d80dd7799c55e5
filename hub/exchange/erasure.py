"""Reads about a person who leaves: their rows, sealed answers and counts go."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError

from hub.consent.erasure import consent_ids
from hub.consent.service import ConsentService
from hub.exchange.rules import limits_of
from hub.exchange.store import ExchangeStore
from hub.exchange.stored_refusals import WaitingRefusals
from hub.platform.database import Database
from hub.platform.erasure import Retention

ACTION_OPEN = "ACTION_OPEN"


class ExchangeErasure:
    """The exchange's part (implements `hub.platform.erasure.Holder`); comes before the consents are forgotten."""

    def __init__(self, database: Database, consents: ConsentService) -> None:
        self._database, self._store, self._consents = database, ExchangeStore(database), consents
        self._refusals = WaitingRefusals(database)

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """Nothing."""
        return ()

    async def erase(self, subject: str) -> None:
        """Delete requests with what they delivered; a read that is under way finds nothing to come back to.

        Raises STATE_CONFLICT (state ACTION_OPEN) while nobody knows what became of an action: money may be under way.
        """
        ids = await consent_ids(subject)
        # As a group of reads does: these locks before any row, and all of them in one order.
        await self._database.lock_all(("consent", consent_id) for consent_id in ids)
        await self._refusals.lock()
        if await self._store.acting(ids):
            raise HuilianError("STATE_CONFLICT", "an action is under way; its end must be known", state=ACTION_OPEN)
        consents = await self._consents.find_all(set(ids))
        granted = {name: list(limits_of(consent.artefact)) for name, consent in consents.items()}
        await self._store.forget_consents(granted)
        await self._store.forget_person(subject)
        await self._refusals.forget(subject, ids)
