"""The access log: one record for every read and every refusal, for the person and for the ledger.

The records are kept in the ledger only, each readable by its subject alone and chained to the one before it, so that
the person can prove that none is missing.
"""

from __future__ import annotations

from huilian_protocol.clock import Clock

from hub.exchange.rules import RECORD_TYPE, Attempt, Outcome, access_record
from hub.ledger.service import LedgerService, RecordPage
from hub.platform.ids import Ids


class AccessLog:
    """Writes access records inside the caller's transaction and reads them back for the person."""

    def __init__(self, clock: Clock, ids: Ids, ledger: LedgerService) -> None:
        self._clock, self._ids, self._ledger = clock, ids, ledger

    async def write(self, attempt: Attempt, outcome: Outcome, edge_signature: str = "") -> str:
        """Record one outcome; the new record's id. `edge_signature` is the evidence of a delivery."""
        record = access_record(attempt, outcome, self._clock.now())
        record_id = f"{RECORD_TYPE}:{self._ids()}"
        evidence = {"edge_signature": edge_signature} if edge_signature else {}
        subject = attempt.artefact.subject
        await self._ledger.append_chained(RECORD_TYPE, record_id, record, subject=subject, evidence=evidence)
        return record_id

    async def page(self, subject: str, token: str, size: int) -> RecordPage:
        """The person's records, newest first; `token` is that of the page before, or empty."""
        return await self._ledger.records_about(subject, token, size)
