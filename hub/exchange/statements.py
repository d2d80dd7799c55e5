"""A person's proof of who read what in a period: the hub's own statement and records, and what the edges say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from huilian_protocol.access_export import ExportedRecord, Statement
from huilian_protocol.errors import HuilianError

from hub.exchange.catalogue import Catalogue
from hub.ledger.subjects.desk import STATEMENT, ChainExports, export_file

logger = logging.getLogger(__name__)


class AccessStatements:
    """Issues statements and builds the files."""

    def __init__(self, catalogue: Catalogue, exports: ChainExports) -> None:
        self._catalogue, self._exports = catalogue, exports

    async def issue(
        self, subject: str, request_id: str, period_from: datetime, period_to: datetime | None
    ) -> tuple[str, Statement]:
        """State a period in the caller's transaction: the statement with its record id. See `ChainExports.state`."""
        statement_id = f"{STATEMENT}:{request_id}"
        return statement_id, await self._exports.state(subject, statement_id, period_from, period_to)

    async def export(self, subject: str, statement_id: str) -> bytes:
        """The file of a statement. Asks the edges, so never inside a transaction; one that is away is left out.

        Raises NOT_FOUND or RECEIPT_PENDING.
        """
        statement, records = await self._exports.records(subject, statement_id)
        counts = await asyncio.gather(*(self._count(*pair) for pair in _consents_at_edges(records)))
        return export_file(subject, statement, records, [count for count in counts if count])

    async def _count(self, agency: str, consent_id: str) -> str:
        connector = self._catalogue.connector(agency)
        if connector is None:
            return ""
        try:
            return await connector.count_answers(consent_id)
        except HuilianError as error:
            logger.warning("exchange.count_not_had", extra={"agency": agency, "code": error.code})
            return ""


def _consents_at_edges(records: Sequence[ExportedRecord]) -> list[tuple[str, str]]:
    """Each agency and consent that these records name."""
    contents = [record.record["content"] for record in records]
    named = {(content.get("agency", ""), content.get("consent_id", "")) for content in contents}
    return sorted(pair for pair in named if all(pair))
