"""Which fields an agency's answers lately miss or break."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.acceptance.edge import running_edge
from connectors.kit.contract import NO_ACCOUNT, Presence, Record
from connectors.kit.health import FEWEST, LATELY, Health
from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.sandbox_server import Fault

DATASET, NOW = "tax.person/v1", datetime(2026, 3, 2, tzinfo=UTC)


def note(health: Health, value: object, times: int) -> None:
    for _ in range(times):
        health.answered(DATASET, Record(Presence.PRESENT, {"income_fen": value, "tax_fen": 1}), NOW)  # type: ignore[dict-item]


def degraded(health: Health) -> dict[str, str]:
    return dict(health.report()[DATASET].degraded)


def test_a_field_that_used_to_be_there_and_vanishes_is_degraded_until_it_is_back() -> None:
    health = Health()
    note(health, 5, 3)
    note(health, None, FEWEST - 1)
    assert degraded(health) == {}
    note(health, None, 1)
    assert degraded(health) == {"income_fen": "missing"}
    note(health, 5, 1)
    assert degraded(health) == {}


def test_a_field_that_few_people_have_is_not_degraded() -> None:
    health = Health()
    note(health, 5, 2)
    note(health, None, LATELY)
    assert degraded(health) == {}


def test_a_field_that_breaks_is_degraded_until_enough_good_ones_came() -> None:
    health = Health()
    note(health, 5, 1)
    health.broke(DATASET, "income_fen")
    assert degraded(health) == {}
    health.broke(DATASET, "income_fen")
    assert degraded(health) == {"income_fen": "broken"}
    note(health, 5, LATELY - 1)
    assert degraded(health) == {}


def test_no_account_tells_of_no_field_but_of_the_time() -> None:
    health = Health()
    health.answered(DATASET, Record(Presence.NO_ACCOUNT, {}, NOW - timedelta(days=1)), NOW)
    assert health.report()[DATASET].newest == NOW - timedelta(days=1)
    health.answered(DATASET, NO_ACCOUNT, NOW)
    health.answered(DATASET, Record(Presence.NO_ACCOUNT, {}, NOW - timedelta(days=1)), NOW)
    assert (health.report()[DATASET].newest, degraded(health)) == (NOW, {})


async def test_an_edge_learns_it_from_its_traffic(tmp_path: Path) -> None:
    async with running_edge("connectors.gov_data.housing_fund", tmp_path) as edge:
        [dataset] = edge.upstream.manifest.datasets
        assert edge.service.health.report() == {}
        await edge.read(DEMO_BORROWER, dataset.id)
        assert edge.service.health.report()[dataset.id].degraded == {}
        edge.upstream.faults.active = Fault.BROKEN_SCHEMA
        for _ in range(2):
            with pytest.raises(HuilianError, match="PROVIDER_FAULT"):
                await edge.read(DEMO_BORROWER, dataset.id)
        report = edge.service.health.report()[dataset.id]
        assert set(report.degraded.values()) <= {"broken"} and set(report.degraded) <= set(dataset.fields)
