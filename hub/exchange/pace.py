"""How fast data may be read: per person, and per reader by how many different persons."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from hub.consent.service import ConsentService
from hub.exchange.rules import Read

# Whose consent it is never changes, so it is looked up once.
REMEMBERED_CONSENTS = 20_000


class Limiter(Protocol):
    """The hub's rate limiter."""

    async def before_read(self, reader: str, subject: str) -> None:
        """Count a read. Raises RATE_LIMITED."""
        ...


class ReadPace:
    """Counts reads before anything is done for them, so that a refused one costs nothing and uses nothing up."""

    def __init__(self, limiter: Limiter, consents: ConsentService) -> None:
        self._limiter, self._consents = limiter, consents
        self._subjects: OrderedDict[str, str] = OrderedDict()

    async def check(self, requested_by: str, read: Read) -> None:
        """Count this read. Raises RATE_LIMITED, or NOT_FOUND for an unknown consent."""
        await self._limiter.before_read(requested_by, await self._subject(read.consent_id))

    def forget(self) -> None:
        """Drop whose consent is whose; it is looked up again."""
        self._subjects.clear()

    async def _subject(self, consent_id: str) -> str:
        known = self._subjects.get(consent_id)
        if known is not None:
            return known
        subject = (await self._consents.find(consent_id)).artefact.subject
        self._subjects[consent_id] = subject
        while len(self._subjects) > REMEMBERED_CONSENTS:
            self._subjects.popitem(last=False)
        return subject
