"""What an open red warning stops, by a decision table: further draws, opening an auction and awarding one.

Nothing that reduces what is owed or moves it onto better security is asked here: repayments, conversions of order loans
(which pay out no money and lend no more than is owed), recourse. Two operators release a stop by resolving the warning
(`desk.py`); how long that holds while the rule still finds the same is a row of the table.

A decision is made only where a red warning stands, and each is kept with its facts, refusals too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.decisions.log import DecisionLog
from hub.lending.warnings.desk import EarlyWarnings, red_facts
from hub.platform.business_day import business_date
from hub.platform.database import Database

TABLE = "red-stop"
Answer = TypeVar("Answer")
Facts = Mapping[str, int | str]


class Act(StrEnum):
    """What may be stopped."""

    DRAW = "DRAW"
    OPEN_AUCTION = "OPEN_AUCTION"
    AWARD_AUCTION = "AWARD_AUCTION"


@dataclass(frozen=True, slots=True)
class Asked:
    """An act on a loan or an auction, the core enterprise behind it, and who would get the money."""

    act: Act
    object_id: str
    buyer_uscc: str
    applicant: str


class Stopped(HuilianError):
    """STATE_CONFLICT (RED_WARNING): refused by the table on these facts."""

    def __init__(self, facts: Facts, why: str) -> None:
        super().__init__("STATE_CONFLICT", why, state="RED_WARNING")
        self.facts = facts


class RedStops:
    """Runs in the caller's transaction unless it says otherwise."""

    def __init__(self, database: Database, clock: Clock, warnings: EarlyWarnings, decisions: DecisionLog) -> None:
        self._database, self._clock = database, clock
        self._warnings, self._decisions = warnings, decisions

    async def is_stopped(self, asked: Asked) -> bool:
        """The table's word, kept with its facts."""
        facts = await self._facts(asked)
        if facts is None:
            return False
        _, decision = await self._decisions.decide(TABLE, facts, subject=None)
        return not decision.approved

    async def check(self, asked: Asked) -> None:
        """Raises Stopped; a use case that does is undone, so whoever runs it does so under `recording`."""
        facts = await self._facts(asked)
        if facts is None:
            return
        decision = self._decisions.preview(TABLE, facts)
        if not decision.approved:
            raise Stopped(facts, ", ".join(reason.text_zh for reason in decision.reasons))
        await self._decisions.decide(TABLE, facts, subject=None)

    async def recording(self, attempt: Awaitable[Answer]) -> Answer:
        """Awaits a use case with its transaction; a refusal by `check` is kept in a transaction of its own."""
        try:
            return await attempt
        except Stopped as refusal:
            async with self._database.transaction():
                await self._decisions.decide(TABLE, refusal.facts, subject=None)
            raise

    async def _facts(self, asked: Asked) -> Facts | None:
        """None where no red warning stands. A release counts in whole business days since."""
        red = await self._warnings.red(asked.buyer_uscc, asked.applicant)
        if not red:
            return None
        released = await self._warnings.released(red)
        today = business_date(self._clock.now())
        ages = [(today - business_date(at)).days for at in released.values()]
        standing = [one for one in red if (one.rule, one.subject) not in released]
        return {
            "act": asked.act.value,
            "object_id": asked.object_id,
            **red_facts(standing),
            "released_warnings": len(ages),
            "oldest_release_days": max(ages, default=0),
        }
