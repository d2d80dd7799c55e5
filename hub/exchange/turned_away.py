"""Calls for somebody's data that were turned away before the exchange judged them: no token, another role, a broken
field, too fast.

The person whose consent such a call names is told of it, like of any other refusal. Where there is no such consent, it
stands against the caller (`refused_calls.py`), if anybody knows who that was. It must cost little and must not let an
attacker flood anybody's record, so equal refusals of one minute become one record that says how many they were.

None is lost: a call is answered when its refusal is durable (`stored_refusals.py`), and whoever starts next records
what a killed process left. Whatever is refused at the same time shares one write, and there are `WRITES_PER_S` of them
at most: a flood of bad calls waits for itself and leaves the disk to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.grouping import Grouped

from hub.consent.service import Consent, ConsentService
from hub.exchange.access import AccessLog
from hub.exchange.refused_calls import ACTION, READ, RefusedCall, RefusedCalls
from hub.exchange.rules import HUB, RECORD_TYPE, SOMEBODY_ELSE
from hub.exchange.stored_refusals import Refusal, WaitingRefusals
from hub.ledger.service import ChainedRecord
from hub.platform.callers import ANONYMOUS, current_caller
from hub.platform.database import Database
from hub.platform.ids import Ids

EVERY_S = 60.0
WRITES_PER_S, MOST_TOGETHER = 50, 1_000
# Distinct refusals that wait at most. More are kept by caller only; callers without a name are then only counted.
MOST_HELD = 5_000
CONSENT_ID_CHARS, NAME_CHARS = 64, 128
_METHODS = {
    "/huilian.exchange.v1.ExchangeService/FetchDataset": "dataset_id",
    "/huilian.exchange.v1.ExchangeService/FetchDatasets": "",
    "/huilian.exchange.v1.ExchangeService/PerformAction": "action_id",
    "/huilian.convenience.v1.ConvenienceService/ReadRecord": "dataset_id",
}

logger = logging.getLogger(__name__)


class TurnedAway:
    """Hears of refusals, keeps them until they are recorded, and records them."""

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
        self._waiting = WaitingRefusals(database)
        self._grouped: Grouped[Refusal, None] = Grouped(self._store, MOST_TOGETHER)
        self._write_at = 0.0
        # What the database did not take; it is tried again with the next round.
        self._held: Counter[Refusal] = Counter()
        # What waits in the database under the name of a consent, as far as this process put it there.
        self._named: set[Refusal] = set()
        self._too_many = 0
        self._full = asyncio.Event()

    async def at_the_door(self, method: str, request: Any, code: str) -> None:
        """A call was refused before anybody served it. Never raises an error, whatever the request is."""
        field = _METHODS.get(method)
        if field is None:
            return
        consent_id, name = getattr(request, "consent_id", ""), getattr(request, field, "") if field else ""
        by = current_caller().id if current_caller() != ANONYMOUS else ""
        await self.hear(Refusal(str(consent_id), field == "action_id", str(name), code, by))

    async def hear(self, refusal: Refusal) -> None:
        """One more of these, by the caller of the running request; durable when this returns, if the database is there.

        To be called outside a transaction.
        """
        refusal = refusal._replace(caller=current_caller(), name=refusal.name[:NAME_CHARS])
        if len(refusal.consent_id) > CONSENT_ID_CHARS:
            refusal = _unnamed(refusal)
        if _is_nobodys(refusal):
            self._too_many += 1
        else:
            # Refused is refused, also when the caller has stopped waiting.
            await asyncio.shield(self._grouped.run(refusal))

    async def _store(self, refusals: Sequence[Refusal]) -> Sequence[None]:
        """One write for whatever was refused at the same time."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._write_at - now)
        self._write_at = max(now, self._write_at) + 1 / WRITES_PER_S
        counted = Counter(refusals)
        try:
            async with self._database.transaction():
                await self._waiting.lock()
                consents = await self._consents.find_all({refusal.consent_id for refusal in counted})
                kept = self._kept(counted, consents)
                await self._waiting.add(kept)
        except Exception as error:  # noqa: BLE001  the refusal is the answer, whatever became of writing it down
            logger.error("exchange.turned_away_failed", extra={"error_type": type(error).__name__})
            self._hold(counted)
        else:
            self._named.update(refusal for refusal in kept if refusal.consent_id)
            self._too_many += counted.total() - kept.total()
        return [None] * len(refusals)

    def _kept(self, counted: Counter[Refusal], consents: dict[str, Consent]) -> Counter[Refusal]:
        """Without what a stranger wrote into them, and without those that concern nobody."""
        kept: Counter[Refusal] = Counter()
        for refusal, times in counted.items():
            consent = consents.get(refusal.consent_id)
            clean = _unnamed(refusal) if consent is None else _cleaned(refusal, consent)
            if clean.consent_id and clean not in self._named and len(self._named) + len(kept) >= MOST_HELD:
                self._full.set()
                # Which consents it named is lost; that it was refused, and who it was, is not.
                clean = _unnamed(clean)
            if not _is_nobodys(clean):
                kept[clean] += times
        return kept

    def _hold(self, counted: Counter[Refusal]) -> None:
        for refusal, times in counted.items():
            held = refusal if refusal in self._held or len(self._held) < MOST_HELD else _unnamed(refusal)
            if not _is_nobodys(held) and (held in self._held or len(self._held) < 2 * MOST_HELD):
                self._held[held] += times
            else:
                self._too_many += times

    async def flush(self) -> int:
        """Record what waits, for those whose consents exist and else against the callers; how many records.

        What fails is kept.
        """
        held, self._held = self._held, Counter()
        too_many, self._too_many = self._too_many, 0
        self._full.clear()
        try:
            async with self._database.transaction():
                await self._waiting.lock()
                waiting = held + await self._waiting.take()
                consents = await self._consents.find_all({refusal.consent_id for refusal in waiting})
                records = self._records(waiting, consents)
                await self._log.append(records)
                against = await self._calls.record(_of_nobody(waiting, consents))
        except BaseException:
            self._held.update(held)
            self._too_many += too_many
            raise
        self._named.clear()
        if too_many:
            logger.warning("exchange.turned_away_uncounted", extra={"count": too_many})
        return len(records) + against

    async def close(self) -> None:
        """Record the rest; for a graceful stop."""
        await self._grouped.finish()
        await self.flush()

    async def run(self, stop: asyncio.Event) -> None:
        """Record what a killed process left, then every minute until this one stops; a failing round is logged."""
        await self._round()
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await _either(stop, self._full)
            await self._round()

    async def _round(self) -> None:
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001  the database may be away for a moment; the next round tries again
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


def _cleaned(refusal: Refusal, consent: Consent) -> Refusal:
    return refusal if refusal.name in consent.artefact.grant_ids else refusal._replace(name="")


def _is_nobodys(refusal: Refusal) -> bool:
    """Whether it names neither a consent nor a caller."""
    return not refusal.consent_id and refusal.caller == ANONYMOUS


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
