"""What may be asked of a person, and the artefact drafted from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from huilian_protocol.artefact import ActionGrant, DatasetGrant, Period, parse_artefact
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import PurposeList
from huilian_protocol.sealing import Suite

from hub.consent.rules import (
    Action,
    Dataset,
    RecipientKey,
    Terms,
    agencies_of,
    check_actions,
    check_terms,
    draft_artefact,
)

NOW = datetime(2026, 3, 15, 8, 30, 12, 345678, tzinfo=UTC)
FINE = ActionGrant("traffic_police.pay_fine/v1", 1, 40_000, "A" * 43)
DATASETS = {
    "housing_fund.account/v1": Dataset("housing_fund.account/v1", "housing_fund", frozenset({"balance_fen", "status"})),
    "tax.income/v1": Dataset("tax.income/v1", "tax", frozenset({"income_fen"})),
}
ACTIONS = {FINE.id: Action(FINE.id, "traffic_police", needs_exact_consent=True)}
TERMS = Terms(
    purpose="LOAN_APPLICATION",
    recipient="bank.lending",
    datasets=(
        DatasetGrant("tax.income/v1", ("income_fen",), Period("2025-01", "2025-12")),
        DatasetGrant("housing_fund.account/v1", ("status", "balance_fen"), Period("2025-04", "2026-03")),
    ),
    max_reads=10,
    data_life_days=30,
    valid_until=NOW + timedelta(days=30),
)
RECIPIENT = RecipientKey("bank.lending", Suite.XWING, b"\x01" * 1216)
PURPOSE = PurposeList.published().get("LOAN_APPLICATION")
LATEST = NOW + timedelta(days=PURPOSE.max_validity_days)


def changed(**change: Any) -> Terms:
    return replace(TERMS, datasets=(replace(TERMS.datasets[0], **change), TERMS.datasets[1]))


def months(first: str, last: str) -> Terms:
    return changed(period=Period(first, last))


def test_good_terms_become_an_artefact_that_the_protocol_accepts() -> None:
    check_terms(TERMS, PURPOSE, DATASETS, NOW)
    artefact = draft_artefact("c1", "N1", TERMS, PURPOSE, RECIPIENT, NOW)
    assert parse_artefact(artefact.canonical()) == artefact
    drafted = artefact.to_dict()
    assert [dataset.id for dataset in artefact.datasets] == ["housing_fund.account/v1", "tax.income/v1"]
    assert list(artefact.datasets[0].fields) == ["balance_fen", "status"]
    assert drafted["valid_from"] == "2026-03-15T08:30:12Z"
    assert drafted["valid_until"] == "2026-04-14T08:30:12Z"
    assert drafted["purpose"]["text"] == PURPOSE.text_zh


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (replace(TERMS, recipient="bank.marketing"), "PURPOSE_LIMIT_EXCEEDED"),
        (replace(TERMS, max_reads=0), "INVALID_ARGUMENT"),
        (replace(TERMS, max_reads=PURPOSE.max_reads + 1), "PURPOSE_LIMIT_EXCEEDED"),
        (replace(TERMS, data_life_days=PURPOSE.max_data_life_days + 1), "PURPOSE_LIMIT_EXCEEDED"),
        (replace(TERMS, valid_until=NOW), "INVALID_ARGUMENT"),
        (replace(TERMS, valid_until=LATEST + timedelta(seconds=1)), "PURPOSE_LIMIT_EXCEEDED"),
        (replace(TERMS, datasets=()), "INVALID_ARGUMENT"),
        (replace(TERMS, datasets=(TERMS.datasets[0], TERMS.datasets[0])), "INVALID_ARGUMENT"),
        (changed(id="tax.secrets/v1"), "UNKNOWN_DATASET"),
        (changed(fields=("income_fen", "home_address")), "UNKNOWN_FIELD"),
        (changed(fields=()), "INVALID_ARGUMENT"),
        (changed(fields=("income_fen", "income_fen")), "INVALID_ARGUMENT"),
        (months("2025-01", "2026-04"), "INVALID_ARGUMENT"),
        (months("2026-02", "2026-01"), "INVALID_ARGUMENT"),
        (months("2020-12", "2025-12"), "PURPOSE_LIMIT_EXCEEDED"),
    ],
)
def test_each_bad_term_has_its_code(terms: Terms, code: str) -> None:
    with pytest.raises(HuilianError) as refused:
        check_terms(terms, PURPOSE, DATASETS, NOW)
    assert refused.value.code == code


def test_the_upper_bounds_are_inclusive() -> None:
    check_terms(months("2021-01", "2025-12"), PURPOSE, DATASETS, NOW)
    check_terms(replace(TERMS, max_reads=PURPOSE.max_reads, valid_until=LATEST), PURPOSE, DATASETS, NOW)


def test_every_published_purpose_is_bounded_and_bilingual() -> None:
    for purpose in PurposeList.published().all():
        assert purpose.text_zh and purpose.text_en and purpose.recipients and purpose.legal_basis
        bounds = (purpose.max_period_months, purpose.max_reads, purpose.max_data_life_days, purpose.max_validity_days)
        assert min(bounds) >= 1


def test_each_agency_is_named_once() -> None:
    twice = replace(TERMS, datasets=TERMS.datasets + TERMS.datasets)
    assert agencies_of(twice, DATASETS, ACTIONS) == ("housing_fund", "tax")
    acting = replace(TERMS, actions=(FINE,))
    assert agencies_of(acting, DATASETS, ACTIONS) == ("housing_fund", "tax", "traffic_police")
    assert agencies_of(replace(acting, datasets=()), DATASETS, ACTIONS) == ("traffic_police",)


@pytest.mark.parametrize(
    ("grants", "code"),
    [
        ((replace(FINE, max_uses=37),), "PURPOSE_LIMIT_EXCEEDED"),
        ((replace(FINE, max_amount_fen=2_000_001),), "PURPOSE_LIMIT_EXCEEDED"),
        (tuple(replace(FINE, id=f"traffic_police.act{number}/v1") for number in range(5)), "PURPOSE_LIMIT_EXCEEDED"),
        ((FINE, FINE), "INVALID_ARGUMENT"),
        ((replace(FINE, parameters_commitment=None),), "INVALID_ARGUMENT"),
        ((replace(FINE, id="traffic_police.tow/v1"),), "NOT_FOUND"),
    ],
)
def test_actions_stay_within_the_purpose(grants: tuple[ActionGrant, ...], code: str) -> None:
    paying = PurposeList.published().get("PUBLIC_PAYMENT")
    check_actions(replace(TERMS, actions=(FINE,)), paying, ACTIONS)
    with pytest.raises(HuilianError, match=code):
        check_actions(replace(TERMS, actions=grants), paying, ACTIONS)
    with pytest.raises(HuilianError, match="PURPOSE_LIMIT_EXCEEDED"):
        check_actions(replace(TERMS, actions=(FINE,)), PURPOSE, ACTIONS)


def test_a_consent_to_nothing_is_none() -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        check_terms(replace(TERMS, datasets=()), PURPOSE, DATASETS, NOW)
    check_terms(replace(TERMS, datasets=(), actions=(FINE,)), PURPOSE, DATASETS, NOW)


def test_a_month_begins_when_it_begins_in_china() -> None:
    last_evening = datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)
    april = replace(months("2025-04", "2026-04"), valid_until=last_evening + timedelta(days=1))
    with pytest.raises(HuilianError):
        check_terms(april, PURPOSE, DATASETS, last_evening)
    check_terms(april, PURPOSE, DATASETS, last_evening + timedelta(seconds=1))
