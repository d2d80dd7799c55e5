"""Several reads under one consent at once: each answered for itself, under an id of its own, within one deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from huilian_protocol.artefact import Artefact
from huilian_protocol.errors import HuilianError

from hub.consent.service import ConsentService
from hub.exchange.rules import Read
from hub.exchange.settlement import Delivery
from hub.exchange.stored_refusals import Refusal
from hub.exchange.turned_away import TurnedAway
from hub.platform.database import Database

# One that is given none: a connector's own deadline, as for a single read.
DEFAULT_DEADLINE_S = 8.0

logger = logging.getLogger(__name__)

Fetch = Callable[[str, Read], Awaitable[Delivery]]


@dataclass(frozen=True)
class Part:
    """How one of several reads ended: with a delivery, or with the error that says whose fault it is."""

    read: Read
    outcome: Delivery | HuilianError


class ManyReads:
    """Reads that do not wait for one another."""

    def __init__(self, fetch: Fetch, database: Database, consents: ConsentService, turned_away: TurnedAway) -> None:
        self._fetch, self._database, self._consents = fetch, database, consents
        self._turned_away = turned_away

    async def fetch(
        self, requested_by: str, request_id: str, consent_id: str, reads: Sequence[Read], deadline_s: float
    ) -> tuple[Part, ...]:
        """All of these reads, or everything that the consent grants when there are none, in their order.

        A part that is not there in time fails with PROVIDER_TIMEOUT; it goes on and is recorded, and the same request
        finds its answer later. Raises only what concerns all of them: NOT_FOUND (also for somebody else's consent) and
        INVALID_ARGUMENT for a dataset that is asked for twice.
        """
        try:
            wanted = await self._wanted(requested_by, request_id, consent_id, reads)
        except HuilianError as error:
            await self._turned_away.hear(Refusal(consent_id, False, "", error.code, requested_by))
            raise
        tasks = [asyncio.create_task(self._fetch_part(requested_by, read)) for read in wanted]
        try:
            await asyncio.wait(tasks, timeout=deadline_s)
        finally:
            # Only the waiting ends: what went out to an agency is settled whoever still wants it.
            for task in tasks:
                task.cancel()
        return tuple(Part(read, _outcome(task, read)) for read, task in zip(wanted, tasks, strict=True))

    async def _wanted(self, requested_by: str, request_id: str, consent_id: str, reads: Sequence[Read]) -> list[Read]:
        artefact = await self._artefact(requested_by, consent_id)
        wanted = [_named(request_id, read) for read in reads or _granted(artefact)]
        if len({read.dataset for read in wanted}) < len(wanted):
            raise HuilianError("INVALID_ARGUMENT", "each dataset once", field="reads")
        return wanted

    async def _artefact(self, requested_by: str, consent_id: str) -> Artefact:
        async with self._database.transaction():
            artefact = (await self._consents.find(consent_id)).artefact
        if requested_by not in {artefact.subject, artefact.signed_by, artefact.recipient.id}:
            raise HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
        return artefact

    async def _fetch_part(self, requested_by: str, read: Read) -> Delivery | HuilianError:
        try:
            return await self._fetch(requested_by, read)
        except HuilianError as error:
            return error
        except Exception as error:  # noqa: BLE001  what breaks one part must not take the others
            logger.error("exchange.part_failed", extra={"error_type": type(error).__name__})
            return HuilianError("INTERNAL")


def part_id(request_id: str, dataset: str) -> str:
    """The request id of one part: the same for the same request and dataset, told to edge and recipient."""
    return "part-" + sha256(f"{request_id}\0{dataset}".encode()).hexdigest()[:40]


def _named(request_id: str, read: Read) -> Read:
    return replace(read, request_id=part_id(request_id, read.dataset))


def _granted(artefact: Artefact) -> list[Read]:
    return [Read("", artefact.id, grant.id, tuple(sorted(grant.fields)), grant.period) for grant in artefact.datasets]


def _outcome(task: asyncio.Task[Delivery | HuilianError], read: Read) -> Delivery | HuilianError:
    if task.done() and not task.cancelled():
        return task.result()
    return HuilianError("PROVIDER_TIMEOUT", "no answer within the deadline of the request", provider=read.dataset)
