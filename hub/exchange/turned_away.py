"""Calls for somebody's data that were turned away before the exchange judged them: no token, another role, a broken
field, too fast.

The person whose consent such a call names is told of it, like of any other refusal. It must cost little and must not
let an attacker flood anybody's record, so equal refusals of one minute become one record that says how many they were.
Nothing is written while calls come in; what a process has heard is written once a minute, at its orderly end, and at
once when it has heard so much that it would have to forget. A process that is killed takes its last minute with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import Any, NamedTuple

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock, format_time

from hub.consent.service import Consent, ConsentService
from hub.exchange.access import AccessLog
from hub.exchange.rules import HUB, RECORD_TYPE, SOMEBODY_ELSE
from hub.ledger.service import ChainedRecord
from hub.platform.database import Database
from hub.platform.ids import Ids

EVERY_S = 60.0
# Distinct refusals that are held at most. More of them are only counted: they name ever other consents, most of which
# do not exist, since nobody can guess the id of one.
MOST_HELD = 5_000
CONSENT_ID_CHARS = 64
_METHODS = {
    "/huilian.exchange.v1.ExchangeService/FetchDataset": "dataset_id",
    "/huilian.exchange.v1.ExchangeService/FetchDatasets": "",
    "/huilian.exchange.v1.ExchangeService/PerformAction": "action_id",
    "/huilian.convenience.v1.ConvenienceService/ReadRecord": "dataset_id",
}

logger = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """What makes two refusals the same. `name` is a dataset or action of the consent, or empty."""

    consent_id: str
    is_action: bool
    name: str
    code: str
    requested_by: str


class TurnedAway:
    """Counts refusals in memory and records them."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, consents: ConsentService, log: AccessLog) -> None:
        self._database, self._clock, self._ids = database, clock, ids
        self._consents, self._log = consents, log
        self._held: Counter[Refusal] = Counter()
        self._too_many = 0
        self._full = asyncio.Event()

    def at_the_door(self, method: str, request: Any, code: str) -> None:
        """A call was refused before anybody served it. Never raises, whatever the request is."""
        field = _METHODS.get(method)
        consent_id = getattr(request, "consent_id", None)
        if field is None or not isinstance(consent_id, str):
            return
        name = str(getattr(request, field, "")) if field else ""
        self.count(Refusal(consent_id, field == "action_id", name, code, ""))

    def count(self, refusal: Refusal) -> None:
        """One more of these."""
        if not 0 < len(refusal.consent_id) <= CONSENT_ID_CHARS:
            return
        if refusal not in self._held and len(self._held) >= MOST_HELD:
            self._too_many += 1
            self._full.set()
            return
        self._held[refusal] += 1

    async def flush(self) -> int:
        """Record what was counted, for those whose consents exist; how many records. What fails is kept."""
        if not self._held and not self._too_many:
            return 0
        held, self._held = self._held, Counter()
        too_many, self._too_many = self._too_many, 0
        self._full.clear()
        try:
            async with self._database.transaction():
                consents = await self._consents.find_all({refusal.consent_id for refusal in held})
                records = self._records(held, consents)
                await self._log.append(records)
        except BaseException:
            self._held.update(held)
            self._too_many += too_many
            raise
        if too_many:
            logger.warning("exchange.turned_away_uncounted", extra={"count": too_many})
        return len(records)

    async def close(self) -> None:
        """Record the rest; for a graceful stop."""
        await self.flush()

    async def run(self, stop: asyncio.Event) -> None:
        """Record every minute until the process stops. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await _either(stop, self._full)
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("exchange.turned_away_failed", extra={"error_type": type(error).__name__})

    def _records(self, held: Counter[Refusal], consents: dict[str, Consent]) -> list[ChainedRecord]:
        """What differs only in what nobody may be shown becomes one record."""
        shown: Counter[Refusal] = Counter()
        for refusal, times in held.items():
            consent = consents.get(refusal.consent_id)
            if consent is not None:
                shown[_as_shown(refusal, consent)] += times
        return [
            ChainedRecord(
                RECORD_TYPE,
                f"{RECORD_TYPE}:{self._ids()}",
                self._content(refusal, times, consents[refusal.consent_id]),
                consents[refusal.consent_id].artefact.subject,
                {},
            )
            for refusal, times in sorted(shown.items())
        ]

    def _content(self, refusal: Refusal, times: int, consent: Consent) -> dict[str, Any]:
        artefact = consent.artefact
        return {
            "type": "huilian-turned-away/v1",
            "request_id": "",
            "consent_id": artefact.id,
            "consent_sha256": b64u_encode(artefact.sha256),
            "recipient": artefact.recipient.id,
            "requested_by": refusal.requested_by,
            "purpose": artefact.purpose.code,
            "agency": "",
            "action" if refusal.is_action else "dataset": refusal.name,
            "outcome": f"REFUSED:{refusal.code}",
            "refused_by": HUB,
            "times": times,
            "at": format_time(self._clock.now()),
        }


def _as_shown(refusal: Refusal, consent: Consent) -> Refusal:
    """Only the parties are named, and only what the consent is about: the rest is whatever a stranger wrote."""
    artefact = consent.artefact
    parties = {*consent.parties, artefact.recipient.id}
    name = refusal.name if refusal.name in artefact.grant_ids else ""
    by = refusal.requested_by if refusal.requested_by in parties else SOMEBODY_ELSE
    return refusal._replace(name=name, requested_by=by)


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
