"""What every desk does with the file of an application: lock it, write a result down, end it, destroy its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.onboarding import opening_rules as rules
from hub.onboarding import stored_openings as stored
from hub.onboarding.opening_data import OpeningData, opening_data
from hub.onboarding.opening_records import OpeningRecords
from hub.onboarding.opening_rules import Finding
from hub.onboarding.opening_states import OpeningEvent, OpeningState
from hub.onboarding.ports import BusinessRegistry, DocumentVault, Ledger
from hub.onboarding.stored_openings import Opening
from hub.platform.database import Database


@dataclass(frozen=True)
class OpeningFiles:
    """Each call runs inside the caller's transaction."""

    database: Database
    clock: Clock
    registry: BusinessRegistry
    ledger: Ledger
    vault: DocumentVault
    data: OpeningData = field(default_factory=opening_data)

    @property
    def records(self) -> OpeningRecords:
        """The log."""
        return OpeningRecords(self.ledger)

    def now(self) -> datetime:
        """The clock's time."""
        return self.clock.now()

    async def lock(self, application_id: str) -> None:
        """Be the only one at an application."""
        await self.database.lock("opening", application_id)

    async def locked(self, uscc: str | None, application_id: str) -> Opening:
        """`get` under the application's lock."""
        await self.lock(application_id)
        return await self.get(uscc, application_id)

    async def get(self, uscc: str | None, application_id: str) -> Opening:
        """An application of an enterprise, or (None) any. Raises NOT_FOUND, also for somebody else's."""
        opening = await stored.find(application_id)
        if opening is None or uscc not in (None, opening.uscc):
            raise HuilianError("NOT_FOUND", resource="account opening")
        return opening

    async def conclude(self, opening: Opening, findings: Sequence[Finding], **changes: Any) -> Opening:
        """Write a result down; what is left to a person has none yet, and is due a working day from now if it was not
        due before.
        """
        now, event = self.now(), rules.outcome_of(self.data, findings)
        changes |= {"reasons": tuple(findings), "result_at": None if event is OpeningEvent.REFER else now}
        if event is OpeningEvent.REFER and opening.state is OpeningState.BOOKED:
            changes["due_at"] = rules.due_time(self.data, now)
        return await stored.move(opening, event, now, **changes)

    async def end(self, opening: Opening, event: OpeningEvent, record: str) -> Opening:
        """Nothing comes of it: its place is free, its documents are destroyed."""
        now = self.now()
        await stored.put_visit(opening.application_id, None)
        ended = await stored.move(opening, event, now, visit=None, destroyed_at=now)
        await self.destroy(opening.application_id)
        await self.records.add(record, ended)
        return ended

    async def destroy(self, application_id: str) -> None:
        """Destroy the key of the documents, and the ciphertext."""
        await stored.set_destroyed(application_id, self.now())
        await stored.drop_contents(application_id)
        await self.vault.destroy_subject_key(key_name(application_id))


def key_name(application_id: str) -> str:
    """The name of an application's own key in the vault."""
    return f"opening:{application_id}"
