"""Calls for somebody's data that were turned away before the exchange judged them: no token, another role, a broken
field, too fast.

The person whose consent such a call names is told of it, like of any other refusal. Where there is no such consent, it
stands against the caller (`refused_calls.py`), if anybody knows who that was. It must cost little and must not let an
attacker flood anybody's record, so equal refusals of one minute become one record that says how many they were. Nothing
is written while calls come in; what a process has heard is written once a minute, at its orderly end, and at
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
from hub.exchange.refused_calls import ACTION, READ, RefusedCall, RefusedCalls
from hub.exchange.rules import HUB, RECORD_TYPE, SOMEBODY_ELSE
from hub.ledger.service import ChainedRecord
from hub.platform.callers import ANONYMOUS, Caller, current_caller
from hub.platform.database import Database
from hub.platform.ids import Ids

EVERY_S = 60.0
# Distinct refusals that are held at most. More of them are held by caller only: they name ever other consents, most of
# which do not exist, since nobody can guess the id of one. Callers without a name are then only counted.
MOST_HELD = 5_000
CONSENT_ID_CHARS, NAME_CHARS = 64, 128
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
    # Who called, which the person is not told; `requested_by` may be a service that reads on the caller's request.
    caller: Caller = ANONYMOUS


class TurnedAway:
    """Counts refusals in memory and records them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        consents: ConsentService,
        log: AccessLog,
        calls: RefusedCalls,
    ) -> None:
        self._database, self._clock, self._ids = database, clock, ids
        self._consents, self._log, self._calls = consents, log, calls
        self._held: Counter[Refusal] = Counter()
        self._too_many = 0
        self._full = asyncio.Event()

    def at_the_door(self, method: str, request: Any, code: str) -> None:
        """A call was refused before anybody served it. Never raises, whatever the request is."""
        field = _METHODS.get(method)
        if field is None:
            return
        consent_id, name = getattr(request, "consent_id", ""), getattr(request, field, "") if field else ""
        by = current_caller().id if current_caller() != ANONYMOUS else ""
        self.count(Refusal(str(consent_id), field == "action_id", str(name), code, by))

    def count(self, refusal: Refusal) -> None:
        """One more of these, by the caller of the running request."""
        refusal = refusal._replace(caller=current_caller(), name=refusal.name[:NAME_CHARS])
        if len(refusal.consent_id) > CONSENT_ID_CHARS:
            refusal = _unnamed(refusal)
        if refusal not in self._held and len(self._held) >= MOST_HELD:
            self._full.set()
            # Which consents it named is lost; that it was refused, and who it was, is not.
            refusal = _unnamed(refusal)
        if not refusal.consent_id and refusal.caller == ANONYMOUS:
            self._too_many += 1
        elif refusal in self._held or len(self._held) < 2 * MOST_HELD:
            self._held[refusal] += 1
        else:
            self._too_many += 1

    async def flush(self) -> int:
        """Record what was counted, for those whose consents exist and else against the callers; how many records.

        What fails is kept.
        """
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
                against = await self._calls.record(_of_nobody(held, consents))
        except BaseException:
            self._held.update(held)
            self._too_many += too_many
            raise
        if too_many:
            logger.warning("exchange.turned_away_uncounted", extra={"count": too_many})
        return len(records) + against

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
    return refusal._replace(name=name, requested_by=by, caller=ANONYMOUS)


def _unnamed(refusal: Refusal) -> Refusal:
    """The same without what a stranger wrote into it."""
    return refusal._replace(consent_id="", name="", requested_by="")


def _of_nobody(held: Counter[Refusal], consents: dict[str, Consent]) -> Counter[RefusedCall]:
    """What names no consent that there is, by who called."""
    calls: Counter[RefusedCall] = Counter()
    for refusal, times in held.items():
        if refusal.consent_id not in consents and refusal.caller != ANONYMOUS:
            calls[RefusedCall(refusal.caller, ACTION if refusal.is_action else READ, refusal.code)] += times
    return calls


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
