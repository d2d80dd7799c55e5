"""Reads `court_enforcement.record/v1` from the court's daily files.

The court answers no questions about persons: it publishes, and the connector looks people up in the newest good file.
So the court never learns whom a bank asks about.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC

from connectors.gov_data.court_enforcement import wire
from connectors.gov_data.court_enforcement.daily_files import DailyFiles
from connectors.kit.contract import (
    CheckOutcome,
    CheckResult,
    JsonValue,
    Presence,
    Query,
    Record,
    UpstreamError,
    check_result_of,
)
from connectors.kit.months import Month, Period
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamHttp

DATASET = "court_enforcement.record/v1"
_STATUS = {
    wire.ENFORCING: "ENFORCING",
    wire.DISHONEST: "DISHONEST",
    wire.RESTRICTED: "RESTRICTED",
    wire.CLOSED: "CLOSED",
}


class CourtEnforcementConnector:
    """Looks people up in one court's daily files."""

    def __init__(self, files: DailyFiles) -> None:
        self._files = files

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET})

    async def check(self) -> CheckResult:
        try:
            await self._files.current()
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        loaded = await self._files.current()
        as_of = loaded.file.published_at.astimezone(UTC)
        cases = loaded.cases.get((query.subject.name, query.subject.resident_id))
        if cases is None:
            return Record(Presence.NO_ACCOUNT, {}, as_of)
        age = query.as_of.astimezone(wire.CHINA).date() - loaded.file.day
        dated: dict[str, JsonValue] = {"file_age_days": age.days, "file_date": loaded.file.day.isoformat()}
        return Record(Presence.PRESENT, dated | map_cases(cases, query.period), as_of)


def map_cases(cases: Sequence[wire.Case], period: Period) -> dict[str, JsonValue]:
    """The fields of the dataset that come from a person's cases."""
    still_open = [case for case in cases if case.status != wire.CLOSED]
    return {
        "cases": [_case(case) for case in cases if Month.of(case.filed) in period],
        "consumption_restricted": any(case.status in (wire.DISHONEST, wire.RESTRICTED) for case in still_open),
        "is_dishonest_debtor": any(case.status == wire.DISHONEST for case in still_open),
        "open_cases": len(still_open),
        "outstanding_fen": sum(case.amount_fen for case in still_open),
    }


def _case(case: wire.Case) -> JsonValue:
    return {
        "case_number": case.number,
        "court": case.court,
        "filed_month": str(Month.of(case.filed)),
        "outstanding_fen": case.amount_fen,
        "status": _STATUS[case.status],
    }


async def create(context: ConnectorContext, stack: AsyncExitStack) -> CourtEnforcementConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return CourtEnforcementConnector(DailyFiles(context, http))
