"""Whatever an agency answers, its connector maps it to the schema or calls it malformed; it never stumbles."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gov_data.housing_fund import connector as housing_fund
from connectors.gov_data.social_insurance import connector as social_insurance
from connectors.gov_data.tax.mapping import map_enterprise, map_personal_income
from connectors.kit.contract import Presence, Query, Record, Subject, UpstreamMalformed
from connectors.kit.manifest import load_manifest
from connectors.kit.schema import PayloadSchemas
from tests.unit.connectors.gov_data.agencies import NOW, YEAR

HOUSING_FUND = {
    "grzhzt": "01",
    "grzhye": "1.00",
    "grjcjs": "1.00",
    "gryjce": "1.00",
    "dwyjce": "1.00",
    "dwmc": "x",
    "khny": "201801",
    "jcmx": [{"ny": "202601", "je": "1.00"}],
}
SOCIAL_INSURANCE = {
    "state": "1",
    "base": "1.00",
    "unit": "x",
    "firstMonth": "2018-01",
    "settledMonth": "2026-10",
    "payments": [{"month": "2026-01", "unit": "x"}],
}
ENTERPRISE = {
    "nsrmc": "x",
    "shxydm": "91449900MA0H00010W",
    "djztdm": "03",
    "nsxyjb": "A",
    "pjnd": "2025",
    "qsye": "0.00",
}
DECLARED = {"skssq": "2026-01", "yysr": "1.00", "zzs": "1.00", "qysds": "1.00"}
INCOME = {"skssq": "2026-01", "kjywrmc": "x", "sre": "1.00", "ybtse": "0.00"}

texts = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "1.00", "-1.00", "999999999999999.00", "202613", "2026-13"])
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def outcome(package: str, dataset: str, work: Callable[[], dict[str, Any]]) -> None:
    """Either a record that fits its schema or UpstreamMalformed; any other exception fails the test."""
    schemas = PayloadSchemas(load_manifest(f"connectors.gov_data.{package}"))
    with contextlib.suppress(UpstreamMalformed):
        schemas.check(dataset, Record(Presence.PRESENT, work()))


def spoiled(draw: Callable[..., Any], honest: dict[str, Any], values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """The honest answer with one member, or one row's member, replaced or dropped."""
    answer = {key: [dict(row) for row in value] if isinstance(value, list) else value for key, value in honest.items()}
    rows = [part for value in answer.values() if isinstance(value, list) for part in value]
    place = draw(st.sampled_from([answer, *rows]))
    name = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        place[name] = draw(values)
    else:
        del place[name]
    return answer


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_housing_fund_lies(data: st.DataObject) -> None:
    query = Query(housing_fund.DATASET, Subject("x", "y"), YEAR, NOW)
    answer = spoiled(data.draw, HOUSING_FUND, anything)
    outcome("housing_fund", housing_fund.DATASET, lambda: housing_fund._map(answer, query))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_social_insurance_lies(data: st.DataObject) -> None:
    answer = spoiled(data.draw, SOCIAL_INSURANCE, anything)
    outcome("social_insurance", social_insurance.DATASET, lambda: social_insurance._map(answer, YEAR))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_tax_bureau_lies(data: st.DataObject) -> None:
    body, row = spoiled(data.draw, ENTERPRISE, texts), spoiled(data.draw, DECLARED, texts)
    outcome("tax", "tax.enterprise/v1", lambda: map_enterprise(body, [row], YEAR))
    income = spoiled(data.draw, INCOME, texts)
    outcome("tax", "tax.personal_income/v1", lambda: map_personal_income([income], YEAR))


@pytest.mark.parametrize(
    ("package", "dataset", "work"),
    [
        (
            "housing_fund",
            housing_fund.DATASET,
            lambda: housing_fund._map(HOUSING_FUND, Query(housing_fund.DATASET, Subject("x", "y"), YEAR, NOW)),
        ),
        ("social_insurance", social_insurance.DATASET, lambda: social_insurance._map(SOCIAL_INSURANCE, YEAR)),
        ("tax", "tax.enterprise/v1", lambda: map_enterprise(ENTERPRISE, [DECLARED], YEAR)),
        ("tax", "tax.personal_income/v1", lambda: map_personal_income([INCOME], YEAR)),
    ],
)
def test_the_honest_answers_do_fit(package: str, dataset: str, work: Callable[[], dict[str, Any]]) -> None:
    schemas = PayloadSchemas(load_manifest(f"connectors.gov_data.{package}"))
    schemas.check(dataset, Record(Presence.PRESENT, work()))
