"""Shared pieces of the agency tests: a fixed time and one read against a running sandbox."""

from __future__ import annotations

from datetime import UTC, datetime

from huilian_protocol.clock import FixedClock

from connectors.kit.acceptance.upstream import running_upstream
from connectors.kit.contract import Query, Record, Subject
from connectors.kit.months import Period
from connectors.kit.sandbox_people import Person, first_of_kind
from connectors.kit.schema import PayloadSchemas

__all__ = ["NOW", "YEAR", "first_of_kind", "read"]

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
YEAR = Period.parse("2025-11", "2026-10")


async def read(package: str, dataset: str, person: Person, period: Period = YEAR) -> Record:
    """One schema-checked record of this person."""
    async with running_upstream(package, FixedClock(NOW)) as upstream:
        query = Query(dataset, Subject(person.name, person.resident_id), period, NOW)
        record = await upstream.connector.read(query)
        PayloadSchemas(upstream.manifest).check(dataset, record)
        return record
