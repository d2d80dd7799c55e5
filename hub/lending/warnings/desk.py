"""Early warning (贷后预警): every rule once a business day over all parties, and what persons do about what it found.

A round measures and judges outside any transaction, then writes in one: what was warned of before and is again goes on
as the new day's warning (acknowledged still, unless it is worse), what is no longer found lapses. A hub that was down
for days warns of today; two processes at once write one round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import partial

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.limits import stored as stored_limits
from hub.lending.records import Records
from hub.lending.rounds import each
from hub.lending.warnings import stored
from hub.lending.warnings.measures import Measures
from hub.lending.warnings.rules import (
    Finding,
    Level,
    Measured,
    Subject,
    SubjectKind,
    WarningRule,
    WarningRules,
    WarningState,
    warning_id,
)
from hub.lending.warnings.stored import Wanted, Warned
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import Page

# A table takes a third of a millisecond: others have their turn in between.
AT_ONCE = 20

logger = logging.getLogger(__name__)
_S = WarningState


class EarlyWarnings:
    """`run` opens its own transactions, the rest runs in the caller's."""

    def __init__(
        self, database: Database, clock: Clock, records: Records, measures: Measures, rules: WarningRules
    ) -> None:
        """Raises KeyError for a rule whose measure nobody takes."""
        self._database = database
        self._clock = clock
        self._records = records
        self._measures = measures
        self.rules = rules
        self._done_on: date | None = None
        for rule in rules.in_force:
            measures.named(rule.measure)

    async def run(self) -> None:
        """Makes every round of today that was not made yet, one transaction each."""
        today = business_date(self._clock.now())
        if self._done_on == today:
            return

        async def make(rule: WarningRule) -> None:
            await self._round(rule, today)

        await each(self.rules.in_force, make, lambda rule: rule.name)
        self._done_on = today

    async def acknowledge(self, person: str, name: str, reason: str) -> Warned:
        """Somebody has seen it and says what is done. Raises NOT_FOUND, STATE_CONFLICT (not raised)."""
        warned = await self._locked(name)
        now = self._clock.now()
        done = await stored.move(warned, _S.ACKNOWLEDGED, now, acknowledged_by=person, acknowledged_reason=reason)
        await self._records.warning("acknowledged", done)
        return done

    async def resolve(self, person: str, name: str, reason: str) -> Warned:
        """It is dealt with; the next day's round may raise it anew. A red one's resolution releases what it stops.

        Raises NOT_FOUND, STATE_CONFLICT, PERMISSION_DENIED (a red one is resolved by another than who acknowledged it).
        """
        warned = await self._locked(name)
        if warned.level is Level.RED and warned.acknowledged_by == person:
            raise HuilianError("PERMISSION_DENIED", "two persons release what a red warning stops")
        done = await stored.move(warned, _S.RESOLVED, self._clock.now(), resolved_by=person, resolved_reason=reason)
        await self._records.warning("resolved", done)
        return done

    async def get(self, name: str) -> Warned:
        """One warning. Raises NOT_FOUND."""
        warned = await stored.find(name)
        if warned is None:
            raise HuilianError("NOT_FOUND", resource="warning")
        return warned

    async def page_of(self, wanted: Wanted, size: int, token: str) -> Page[Warned]:
        """Warnings, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page(wanted, size, token)

    def is_same(self, warned: Warned) -> bool:
        """Whether the version that warned, unchanged to the byte, gives the same level for the recorded facts."""
        rule = self.rules.version(warned.rule, warned.rule_version)
        return rule.sha256 == warned.rule_sha256 and rule.level(warned.facts) is warned.level

    async def red(self, buyer_uscc: str, applicant: str) -> list[Warned]:
        """Open red warnings that stand against new money for an applicant on a core enterprise, its group included."""
        subjects = {
            Subject(SubjectKind.BUYER, buyer_uscc),
            Subject(SubjectKind.BUYER, applicant),
            Subject(SubjectKind.SUPPLIER, applicant),
        }
        for group in {await stored_limits.group_of(uscc) for uscc in (buyer_uscc, applicant)} - {None}:
            subjects.add(Subject(SubjectKind.GROUP, str(group)))
        return await stored.red_of(subjects)

    async def released(self, warned: Collection[Warned]) -> dict[tuple[str, Subject], datetime]:
        """Those rules and subjects of open red warnings whose red warning was resolved before, with when last."""
        return await stored.released({(one.rule, one.subject) for one in warned})

    async def facts(self, buyer_uscc: str, applicant: str) -> dict[str, int | str]:
        """`red` as facts of a decision: how many, and which rules about whom."""
        return red_facts(await self.red(buyer_uscc, applicant))

    async def _round(self, rule: WarningRule, today: date) -> None:
        if await stored.is_evaluated(rule.rule, today):
            return
        findings = await _findings(rule, await self._measures.named(rule.measure)(today))
        async with self._database.transaction():
            await self._database.lock("warnings", rule.rule)
            if not await stored.is_evaluated(rule.rule, today):
                await self._write(rule, today, findings)

    async def _write(self, rule: WarningRule, today: date, findings: list[Finding]) -> None:
        now, before = self._clock.now(), {warned.subject: warned for warned in await stored.open_of(rule.rule)}
        found = {finding.subject for finding in findings}
        lapsed = [warned for subject, warned in before.items() if subject not in found]
        await stored.end([one.warning_id for one in before.values() if one.subject in found], _S.CONTINUED, now)
        await stored.end([one.warning_id for one in lapsed], _S.LAPSED, now)
        new = [self._warned(rule, finding, before.get(finding.subject), today) for finding in findings]
        await stored.add(new)
        await stored.note_round(rule.rule, rule.version, today, len(new), now)
        for one in lapsed:
            await self._records.warning("lapsed", one)
        for one in new:
            if one.subject not in before or before[one.subject].level is not one.level:
                await self._records.warning("raised", one)
                self._database.after_commit(partial(_log, one))

    def _warned(self, rule: WarningRule, finding: Finding, before: Warned | None, today: date) -> Warned:
        goes_on = before is not None and before.state is _S.ACKNOWLEDGED and not _is_worse(finding.level, before.level)
        return Warned(
            warning_id=warning_id(rule.rule, finding.subject, today),
            rule=rule.rule,
            rule_version=rule.version,
            rule_sha256=rule.sha256,
            subject=finding.subject,
            business_day=today,
            level=finding.level,
            facts=dict(finding.facts),
            state=_S.ACKNOWLEDGED if goes_on else _S.RAISED,
            acknowledged_by=before.acknowledged_by if before and goes_on else "",
            acknowledged_reason=before.acknowledged_reason if before and goes_on else "",
            resolved_by="",
            resolved_reason="",
            changed_at=self._clock.now(),
        )

    async def _locked(self, name: str) -> Warned:
        await self._database.lock("warnings", (await self.get(name)).rule)
        return await self.get(name)


def red_facts(warned: Iterable[Warned] = ()) -> dict[str, int | str]:
    """Red warnings as facts of a decision table; none by default."""
    named = sorted(f"{one.rule}/{one.rule_version}:{one.subject.kind}" for one in warned)
    return {"red_warnings": len(named), "red_warning_rules": ",".join(named)}


def _log(raised: Warned) -> None:
    """For whoever watches the logs: red stops automatic lending."""
    if raised.level is Level.RED:
        logger.warning("lending.warning_red", extra={"warning_id": raised.warning_id})


async def _findings(rule: WarningRule, measured: list[Measured]) -> list[Finding]:
    found = []
    for number, one in enumerate(measured):
        finding = rule.find(one)
        if finding is not None:
            found.append(finding)
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
    return found


def _is_worse(level: Level, than: Level) -> bool:
    order = list(Level)
    return order.index(level) > order.index(than)
