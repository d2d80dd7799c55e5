"""Consented reads: check, count, forward, verify the answer, record. The hub never holds a key that opens an answer.

A read comes to the books twice, with the network in between. The first time (admission) takes the quota and leaves a
RUNNING row; the second (settlement) writes the outcome with its access record and ledger leaf. A process that dies in
between leaves the row: the same request id takes the read up again, and the edge counts for itself. Reads that come at
the same time share a transaction (`bookkeeping.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from datetime import timedelta

from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.answer import verify_answer
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, sealed_to

from hub.consent.ports import Recipients
from hub.consent.service import ConsentService
from hub.exchange.access import AccessLog
from hub.exchange.action_admission import ActionAdmission
from hub.exchange.action_settlement import ActionSettlement
from hub.exchange.actions import Action, Actions, Performed
from hub.exchange.admission import Admission, Ticket
from hub.exchange.bookkeeping import Bookkeeping
from hub.exchange.books import Answered, Failed, NoConsent, Wanted
from hub.exchange.catalogue import Catalogue
from hub.exchange.events import AccessEvents
from hub.exchange.many import ManyReads
from hub.exchange.notices import Notices
from hub.exchange.pace import ReadPace
from hub.exchange.ports import Funds
from hub.exchange.refused_calls import RefusedCalls, RefusedCell
from hub.exchange.rules import EDGE, HUB, Read, attempt_of
from hub.exchange.settlement import Delivery, Settlement
from hub.exchange.statements import AccessStatements
from hub.exchange.status import StatusBoard
from hub.exchange.store import ExchangeStore, Volume, quota_key
from hub.exchange.stored_actions import ActionStore
from hub.exchange.stored_refusals import Refusal
from hub.exchange.turned_away import TurnedAway
from hub.ledger.service import LedgerService, RecordPage
from hub.ledger.subjects.desk import ChainExports
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.vault import SubjectVault

__all__ = ["Action", "Delivery", "ExchangeService", "Performed", "Read", "RefusedCell", "Volume"]

FORGET_EVERY_S = 60.0
# Beyond a read's own time, which is generous already.
ABANDONED_AFTER = timedelta(minutes=1)
MOST_AT_ONCE = 200

logger = logging.getLogger(__name__)


class ExchangeService:
    """The reads of one hub."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ids: Ids,
        consents: ConsentService,
        catalogue: Catalogue,
        recipients: Recipients,
        ledger: LedgerService,
        exports: ChainExports,
        funds: Funds,
        vault: SubjectVault,
        pace: ReadPace | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self.catalogue, self._pace = catalogue, pace
        self.statements = AccessStatements(catalogue, exports)
        self._consents = consents
        store = self._store = ExchangeStore(database)
        # What the hub still keeps sealed goes in the transaction that revokes (PIPL article 47).
        consents.when_revoked(store.forget_answers)
        consents.count_reads_by(self)
        self._access_log = AccessLog(database, clock, ledger)
        self.refused_calls = RefusedCalls(database, clock, ids, ledger, self._access_log, vault)
        self.turned_away = TurnedAway(database, clock, ids, consents, self._access_log, self.refused_calls)
        self._out: set[asyncio.Task[Delivery]] = set()
        admission, settlement = Admission(clock, recipients), Settlement(clock)
        self._books = Bookkeeping(
            database, ids, store, consents, self._access_log, admission, settlement, lambda: len(self._out)
        )
        self.board = StatusBoard(catalogue, clock)
        self.notices = Notices(database, clock, ids, vault, catalogue.titles)
        self.events = AccessEvents(database, clock, self.notices)
        self.many = ManyReads(self.fetch, database, consents, self.turned_away)
        deeds = ActionStore(database)
        endings = ActionSettlement(ids, clock, store, deeds, consents, self._access_log, funds)
        doors = ActionAdmission(database, clock, store, deeds, consents, recipients, endings, funds)
        self.actions = Actions(database, clock, catalogue, deeds, doors, endings, self.turned_away)

    async def fetch(self, requested_by: str, read: Read) -> Delivery:
        """One read under a consent, for the person it is about or the recipient it names; repeatable under its id.

        Raises NOT_FOUND (also for somebody else's consent), RATE_LIMITED, REQUEST_ID_REUSED, REPLAYED_REQUEST (the
        answer is kept no longer), UNAVAILABLE (the same request is running, or it failed before and another one may
        leave it a place), what the consent says (CONSENT_*, STATE_CONFLICT, FIELD_NOT_GRANTED, PERIOD_NOT_GRANTED,
        RECIPIENT_KEY_MISMATCH), the edge's refusal, or PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT. Each
        refusal of data is recorded before it is raised. Opens its own transactions.
        """
        if self._pace is not None:
            await self._keep_pace(self._pace, requested_by, read)
        # The outcome of a request that was let out is recorded even when the caller has stopped waiting.
        task = asyncio.create_task(self._fetch(requested_by, read))
        self._out.add(task)
        task.add_done_callback(self._out.discard)
        return await asyncio.shield(task)

    async def _keep_pace(self, pace: ReadPace, requested_by: str, read: Read) -> None:
        try:
            await pace.check(requested_by, read)
        except HuilianError as error:
            # A record for each would let whoever reads too fast fill the person's record as fast.
            await self.turned_away.hear(Refusal(read.consent_id, False, read.dataset, error.code, requested_by))
            raise

    async def access_records(self, subject: str, token: str, size: int) -> RecordPage:
        """Who read this person's data: records newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await self._access_log.page(subject, token, size)

    async def volumes(self, from_day: str, to_day: str, agency: str) -> list[Volume]:
        """How many records of reads there are of these days in China, of one agency or (empty) of all."""
        return await self._store.volumes(from_day, to_day, agency)

    async def record_supervision(self, subject: str, supervisor: str, request_id: str, case_reference: str) -> None:
        """Record a supervisor's question about a person, in the caller's transaction."""
        await self._access_log.write_supervision(subject, supervisor, request_id, case_reference)

    async def reads_taken(self, consent_id: str, datasets: Collection[str], *, settled: bool) -> dict[str, int]:
        """Reads of each dataset under a consent; raises RECEIPT_PENDING when they are to be settled and are not."""
        if settled and await self._store.is_running(consent_id, self._clock.now()):
            raise HuilianError("RECEIPT_PENDING", "a read is still under way")
        used = await self._store.used([quota_key(consent_id, dataset) for dataset in datasets])
        return {dataset: used.get(quota_key(consent_id, dataset), 0) for dataset in datasets}

    async def is_acting(self, consent_id: str) -> bool:
        """Whether it is not known yet what became of an action under this consent."""
        return bool(await self._store.acting([consent_id]))

    async def forget_answers(self) -> int:
        """Drop the sealed answers whose granted data life is over; how many."""
        async with self._database.transaction():
            return await self._store.forget_answers_before(self._clock.now())

    async def end_abandoned(self) -> int:
        """Record the end of reads whose process died on the way, so that no read is without its record; how many.

        What became of them is not known here; the same request may be tried again, and the edge counts for itself.
        """
        ended = 0
        for row in await self._store.abandoned(self._clock.now() - ABANDONED_AFTER, MOST_AT_ONCE):
            async with self._database.transaction():
                consents = await self._consents.find_all({row.consent_id})
            if row.wanted is None or row.consent_id not in consents:
                continue
            attempt = attempt_of(row.wanted, consents[row.consent_id].artefact)
            with contextlib.suppress(HuilianError):
                await self._books.settle(Failed(attempt, HuilianError("UNAVAILABLE", "its process is gone"), HUB))
            ended += 1
        return ended

    async def run(self, stop: asyncio.Event) -> None:
        """Keep forgetting until the process stops. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            try:
                await self.forget_answers()
                await self.end_abandoned()
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("exchange.forgetting_failed", extra={"error_type": type(error).__name__})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FORGET_EVERY_S)

    async def drain(self) -> None:
        """Wait until every request that went out has its outcome recorded; for a graceful stop."""
        await asyncio.gather(*self._out, return_exceptions=True)
        await self.actions.drain()

    async def _fetch(self, requested_by: str, read: Read) -> Delivery:
        offer = await self.catalogue.offer(read.dataset)
        try:
            admitted = await self._books.admit(Wanted(requested_by, read, offer))
        except NoConsent as error:
            await self.turned_away.hear(Refusal(read.consent_id, False, read.dataset, error.code, requested_by))
            raise
        return admitted if isinstance(admitted, Delivery) else await self._forward(admitted)

    async def _forward(self, ticket: Ticket) -> Delivery:
        try:
            answer = await ticket.offer.connector.read(ticket.request)
            suite = _checked_answer(ticket, answer)
        except HuilianError as error:
            return await self._books.settle(Failed(ticket.attempt, error, EDGE))
        return await self._books.settle(Answered(ticket.attempt, answer.envelope, suite.value, answer.edge_signature))


def _checked_answer(ticket: Ticket, answer: connector_pb.ReadResponse) -> Suite:
    """In which suite an answer is sealed that the edge signed; raises PROVIDER_FAULT for any other answer."""
    read = ticket.attempt.read
    verify_answer(
        answer.edge_signature,
        ticket.offer.edge_keys,
        request_id=read.request_id,
        consent_sha256=ticket.attempt.artefact.sha256,
        dataset=read.dataset,
        fields=read.fields,
        envelope=answer.envelope,
    )
    return _checked_suite(ticket, answer.envelope)


def _checked_suite(ticket: Ticket, envelope: bytes) -> Suite:
    """The answer is sealed to the key that the edge was to choose; nobody here can open it to see."""
    key = ticket.attempt.artefact.recipient.key_for(ticket.offer.suites)
    try:
        sealed = sealed_to(envelope)
    except HuilianError as error:
        raise HuilianError("PROVIDER_FAULT", "the answer is no sealed envelope") from error
    if sealed != (key.suite, key.id):
        raise HuilianError("PROVIDER_FAULT", "sealed to another key than the one to be chosen")
    return key.suite
