"""The access log: one record for every read and every refusal, for the person and for the ledger.

The records are kept in the ledger only, each readable by its subject alone and chained to the one before it, so that
the person can prove that none is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from huilian_protocol.clock import Clock

from hub.exchange.books import AccessDraft
from hub.exchange.rules import RECORD_TYPE, access_record
from hub.ledger.service import ChainedRecord, LedgerService, RecordPage


class AccessLog:
    """Writes access records inside the caller's transaction and reads them back for the person."""

    def __init__(self, clock: Clock, ledger: LedgerService) -> None:
        self._clock, self._ledger = clock, ledger

    async def write(self, drafts: Sequence[AccessDraft]) -> None:
        """Record how attempts ended."""
        await self._ledger.append_all_chained([self._record(draft) for draft in drafts])

    def _record(self, draft: AccessDraft) -> ChainedRecord:
        content = access_record(draft.attempt, draft.outcome, self._clock.now())
        evidence = {"edge_signature": draft.edge_signature} if draft.edge_signature else {}
        return ChainedRecord(RECORD_TYPE, draft.record_id, content, draft.attempt.artefact.subject, evidence)

    async def page(self, subject: str, token: str, size: int) -> RecordPage:
        """The person's records, newest first; `token` is that of the page before, or empty."""
        return await self._ledger.records_about(subject, token, size)
