"""What follows from access records: they are counted for supervision and told to the persons.

An event is written in the transaction of its record and taken out in the transaction that counts it and puts the notice
into the inbox; so each happens once, whatever dies, and reads of different persons never wait for a common counter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from huilian_protocol.clock import Clock

from hub.exchange.notices import Notices, Told
from hub.exchange.rules import DELIVERED
from hub.ledger.service import ChainedRecord
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField, in_utc

BATCH = 32
"""In one transaction: a read that comes meanwhile waits for so many, not for all that came in a second."""
POLL_S = 1.0
TOLD_OF = {DELIVERED, "EXECUTED"}
_TIME = UtcDatetimeField()

logger = logging.getLogger(__name__)

_INSERT = """
INSERT INTO exchange_access_event (record_id, subject, agency, dataset, recipient, purpose, outcome, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_TAKE = """
DELETE FROM exchange_access_event WHERE id IN (SELECT id FROM exchange_access_event ORDER BY id LIMIT $1 {skip_locked})
RETURNING record_id, subject, agency, dataset, recipient, purpose, outcome, at
"""
_COUNT = """
INSERT INTO exchange_tally (id, day, agency, dataset, purpose, outcome, count) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET count = exchange_tally.count + excluded.count
"""


async def note(database: Database, records: Sequence[ChainedRecord], at: datetime) -> None:
    """Leave an event for each of these records, in their transaction."""
    rows = [
        (
            record.record_id,
            record.subject,
            record.content["agency"],
            # An action has its own name instead of a dataset's.
            record.content.get("dataset") or record.content.get("action", ""),
            record.content["recipient"],
            record.content["purpose"],
            str(record.content["outcome"]).removeprefix("REFUSED:"),
            in_utc(at),
        )
        for record in records
    ]
    await database.execute_many(_INSERT, rows)


class AccessEvents:
    """Takes events out, counts and tells."""

    def __init__(self, database: Database, clock: Clock, notices: Notices) -> None:
        self._database, self._clock, self._notices = database, clock, notices
        skip_locked = "FOR UPDATE SKIP LOCKED" if database.dialect == "postgres" else ""
        self._take = _TAKE.format(skip_locked=skip_locked)

    async def drain(self) -> int:
        """Handle every event that is there; how many."""
        total = 0
        while handled := await self._handle_some():
            total += handled
        return total

    async def _handle_some(self) -> int:
        if not await self._database.fetch("SELECT 1 FROM exchange_access_event LIMIT 1"):
            return 0
        async with self._database.transaction():
            rows = await self._database.fetch(self._take, BATCH)
            for row in rows:
                row["at"] = _TIME.to_python_value(row["at"])
            await self._count([row for row in rows if row["agency"]])
            await self._notices.tell([_told(row) for row in rows if row["outcome"] in TOLD_OF])
        return len(rows)

    async def _count(self, rows: Sequence[dict[str, Any]]) -> None:
        cells = Counter(
            (business_date(row["at"]).isoformat(), row["agency"], row["dataset"], row["purpose"], row["outcome"])
            for row in rows
        )
        # In one order, so that two processes that count the same cells never wait for each other.
        await self._database.execute_many(
            _COUNT, [("/".join(cell), *cell, count) for cell, count in sorted(cells.items())]
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Keep handling until `stop` is set. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            await self._round(self.drain)
            await self._round(lambda: self._notices.release(business_date(self._clock.now()).isoformat()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)

    async def _round(self, do: Callable[[], Any]) -> None:
        try:
            await do()
        except Exception as error:  # noqa: BLE001  the database may be away for a moment
            logger.error("exchange.events_failed", extra={"error_type": type(error).__name__})


def _told(row: dict[str, Any]) -> Told:
    return Told(row["record_id"], row["subject"], row["dataset"], row["recipient"], row["purpose"], row["at"])
