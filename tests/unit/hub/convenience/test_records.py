"""A person's own records: opened for them alone, each state told apart; a credit report may take a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT, Person
from connectors.kit.sandbox_server import Fault
from hub.consent.rules import Terms
from hub.convenience.ports import RECIPIENT
from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.zone import Zone, running_zone

REPORT = "credit_bureau.report/v1"
REQUEST = "see-report-0001"


async def consent_of(zone: Zone) -> str:
    """The person's consent to see the report."""
    offered = (await zone.exchange.catalogue.descriptions())[0].datasets[0]
    grant = DatasetGrant(REPORT, tuple(sorted(field.name for field in offered.fields)), Period("2025-03", "2026-02"))
    until = zone.clock.now() + timedelta(days=1)
    terms = Terms("PERSONAL_INQUIRY", RECIPIENT, (grant,), 5, 1, until)
    return (await zone.granted(terms)).artefact.id


@pytest.mark.parametrize(("person", "status"), [(DEMO_BORROWER, "present"), (DEMO_NO_ACCOUNT, "no_account")])
async def test_a_report_is_prepared_and_then_shown(
    person: Person, status: str, database: Database, clock: FixedClock, ids: Ids, tmp_path: Path
) -> None:
    async with running_zone(database, clock, ids, tmp_path, person=person, agency="credit_bureau") as zone:
        consent_id, subject, faults = await consent_of(zone), zone.citizen.subject, zone.edge.upstream.faults
        faults.polls_until_ready = 10_000
        early = await zone.records.read(subject, REQUEST, consent_id, REPORT)
        assert (early.status, early.data, early.error_code) == ("preparing", {}, "")
        faults.polls_until_ready = 0
        record = await zone.records.read(subject, REQUEST, consent_id, REPORT)
        assert (record.status, bool(record.data)) == (status, status == "present")
        assert faults.queries == 1, "the bureau was asked once"
        assert "***" not in repr(record) and person.name not in repr(record)
        assert await zone.outcomes() == ["REFUSED:PROVIDER_TIMEOUT", "DELIVERED"]


async def test_what_is_away_or_not_granted_is_told_apart(
    database: Database, clock: FixedClock, ids: Ids, tmp_path: Path
) -> None:
    async with running_zone(database, clock, ids, tmp_path, person=DEMO_BORROWER, agency="credit_bureau") as zone:
        consent_id, subject = await consent_of(zone), zone.citizen.subject
        zone.edge.upstream.faults.active = Fault.DOWN
        away = await zone.records.read(subject, REQUEST, consent_id, REPORT)
        assert (away.status, away.error_code) == ("unavailable", "PROVIDER_UNAVAILABLE")
        for who, dataset, code in (
            (subject, "tax.personal_income/v1", "FIELD_NOT_GRANTED"),
            (replace(zone.citizen, subject="wh-9").subject, REPORT, "NOT_FOUND"),
        ):
            with pytest.raises(HuilianError, match=code):
                await zone.records.read(who, REQUEST, consent_id, dataset)
