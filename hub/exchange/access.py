"""The access log: one record for every read, every action and every refusal, for the person and for the ledger.

The records are kept in the ledger only, each readable by its subject alone and chained to the one before it, so that
the person can prove that none is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from huilian_protocol.clock import Clock

from hub.exchange.action_rules import ACTION_RECORD_TYPE, Order, action_record
from hub.exchange.books import AccessDraft
from hub.exchange.events import note
from hub.exchange.rules import RECORD_TYPE, Outcome, access_record, supervision_record
from hub.ledger.service import ChainedRecord, LedgerService, RecordPage
from hub.platform.database import Database


class AccessLog:
    """Writes access records inside the caller's transaction and reads them back for the person."""

    def __init__(self, database: Database, clock: Clock, ledger: LedgerService) -> None:
        self._database, self._clock, self._ledger = database, clock, ledger

    async def write(self, drafts: Sequence[AccessDraft]) -> None:
        """Record how attempts ended."""
        await self.append([self._record(draft) for draft in drafts])

    async def append(self, records: Sequence[ChainedRecord]) -> None:
        """Put records into the chains of their persons, and leave word for whoever counts and tells."""
        if records:
            await self._ledger.append_all_chained(records)
            await note(self._database, records, self._clock.now())

    async def write_supervision(self, subject: str, supervisor: str, request_id: str, case_reference: str) -> None:
        """Record that a supervisor asked about this person."""
        now = self._clock.now()
        content = supervision_record(supervisor, request_id, case_reference, now)
        record_id = f"{RECORD_TYPE}:supervision:{request_id}"
        await self.append([ChainedRecord(RECORD_TYPE, record_id, content, subject, {})])

    async def write_action(self, record_id: str, order: Order, outcome: Outcome, edge_signature: str = "") -> None:
        """Record how one action ended. `edge_signature` is the evidence of the agency's answer."""
        content, subject = action_record(order, outcome, self._clock.now()), order.artefact.subject
        evidence = {"action_signature": edge_signature} if edge_signature else {}
        await self.append([ChainedRecord(ACTION_RECORD_TYPE, record_id, content, subject, evidence)])

    def _record(self, draft: AccessDraft) -> ChainedRecord:
        content = access_record(draft.attempt, draft.outcome, self._clock.now())
        evidence = {"edge_signature": draft.edge_signature} if draft.edge_signature else {}
        return ChainedRecord(RECORD_TYPE, draft.record_id, content, draft.attempt.artefact.subject, evidence)

    async def page(self, subject: str, token: str, size: int) -> RecordPage:
        """The person's records, newest first; `token` is that of the page before, or empty."""
        return await self._ledger.records_about(subject, token, size)
