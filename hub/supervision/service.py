"""Supervisors' questions: each is recorded in the ledger, in the transaction that answers it.

A question about nobody in particular stands in the public log. One about a person stands there without the person, and
in the person's own chain of access records with everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from huilian_protocol.canonical import canonicalise
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError

from hub.exchange.service import ExchangeService, RefusedCell, Volume
from hub.ledger.service import LedgerService
from hub.platform.business_day import business_date
from hub.platform.paging import Page
from hub.supervision import store
from hub.supervision.store import QueryRow

LEAST_COUNT = 10
"""A smaller number could point at somebody; it is withheld, and no sum is told from which it would follow."""

LONGEST_PERIOD = timedelta(days=92)
MOST_RECORDS = 1_000
RECORD_TYPE = "supervision-query"
PURPOSE = "SUPERVISION"
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """Who asks, under which request id."""

    supervisor: str
    request_id: str

    @property
    def record_id(self) -> str:
        """The name of its record in the ledger."""
        return f"{RECORD_TYPE}:{self.supervisor}:{self.request_id}"


class SupervisionService:
    """Answers supervisors. Every call runs in the caller's one transaction."""

    def __init__(self, clock: Clock, exchange: ExchangeService, ledger: LedgerService) -> None:
        self._clock, self._exchange, self._ledger = clock, exchange, ledger

    async def volumes(self, asked: Question, from_day: str, to_day: str, agency: str) -> Sequence[Volume]:
        """Reads per cell, for days that are over (nobody can watch a number grow).

        Raises INVALID_ARGUMENT for days that are none, not over, or too many.
        """
        self._check_days(from_day, to_day, _ONE_DAY)
        parameters = {"from_day": from_day, "to_day": to_day, "agency": agency}
        await self._record(asked, "GetAccessVolumes", parameters)
        return await self._exchange.volumes(from_day, to_day, agency)

    async def refused_calls(self, asked: Question, from_day: str, to_day: str) -> Sequence[RefusedCell]:
        """Who was refused data how often without naming a consent that there is; today's too, for it is about callers.

        Raises INVALID_ARGUMENT for days that are none, not there yet, or too many.
        """
        self._check_days(from_day, to_day, timedelta(0))
        await self._record(asked, "GetRefusedCalls", {"from_day": from_day, "to_day": to_day})
        return await self._exchange.refused_calls.told(from_day, to_day)

    def _check_days(self, from_day: str, to_day: str, old: timedelta) -> None:
        try:
            first, last = date.fromisoformat(from_day), date.fromisoformat(to_day)
        except ValueError as error:
            raise HuilianError("INVALID_ARGUMENT", "not a day", field="from_day") from error
        if not first <= last <= first + LONGEST_PERIOD:
            raise HuilianError("INVALID_ARGUMENT", f"at most {LONGEST_PERIOD.days} days", field="to_day")
        if last > business_date(self._clock.now()) - old:
            raise HuilianError("INVALID_ARGUMENT", "too late a day to be told yet", field="to_day")

    async def count_subject(self, asked: Question, subject: str, case_reference: str) -> Counter[tuple[str, str]]:
        """How often one person's data were asked for, by agency and outcome; of the last `MOST_RECORDS` records.

        Raises NOT_FOUND for a person without records or one who had their data destroyed.
        """
        page = await self._ledger.records_about(subject, "", MOST_RECORDS)
        if not page.records:
            raise HuilianError("NOT_FOUND", resource="data of this person")
        await self._record(asked, "CountSubjectAccesses", {"case_reference": case_reference})
        await self._exchange.record_supervision(subject, asked.supervisor, asked.request_id, case_reference)
        contents = [record.content for record in page.records]
        return Counter(
            (str(content["agency"]), str(content["outcome"]).removeprefix("REFUSED:"))
            for content in contents
            if content["purpose"] != PURPOSE
        )

    async def queries(self, token: str, size: int) -> Page[QueryRow]:
        """The public log, newest first. Raises INVALID_ARGUMENT for a text that is no token."""
        return await store.queries(token, size)

    async def _record(self, asked: Question, question: str, parameters: dict[str, Any]) -> None:
        now = self._clock.now()
        content = {
            "type": "huilian-supervision-query/v1",
            "supervisor": asked.supervisor,
            "question": question,
            "parameters": parameters,
            "at": format_time(now),
            "parties": [asked.supervisor],
        }
        await self._ledger.append(RECORD_TYPE, asked.record_id, content, subject=None, evidence={})
        text = canonicalise(parameters).decode("utf-8")
        await store.add_query(asked.record_id, asked.supervisor, question, text, now)
