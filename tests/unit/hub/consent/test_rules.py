"""What may be asked of a person, and the artefact drafted from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from huilian_protocol.consent import parse_artefact
from huilian_protocol.errors import HuilianError

from hub.consent.purposes import PurposeList
from hub.consent.rules import (
    Dataset,
    Recipient,
    Scope,
    Terms,
    agencies_of,
    check_terms,
    draft_artefact,
    months_between,
)

NOW = datetime(2026, 3, 15, 8, 30, 12, 345678, tzinfo=UTC)
DATASETS = {
    "housing_fund.account/v1": Dataset("housing_fund.account/v1", "housing_fund", frozenset({"balance_fen", "status"})),
    "tax.income/v1": Dataset("tax.income/v1", "tax", frozenset({"income_fen"})),
}
TERMS = Terms(
    purpose="flash_loan",
    recipient="bank.lending",
    scopes=(
        Scope("tax.income/v1", ("income_fen",), "2025-01", "2025-12"),
        Scope("housing_fund.account/v1", ("status", "balance_fen"), "2025-04", "2026-03"),
    ),
    max_reads=10,
    data_life_days=30,
    valid_until=NOW + timedelta(days=30),
)
RECIPIENT = Recipient("bank.lending", "惠民银行信贷", "Lending", "xwing", "k" * 43, b"\x01")
PURPOSE = PurposeList.published().get("flash_loan")
LATEST = NOW + timedelta(days=PURPOSE.max_validity_days)


def changed_scope(**change: object) -> Terms:
    return replace(TERMS, scopes=(replace(TERMS.scopes[0], **change), TERMS.scopes[1]))


def test_good_terms_become_an_artefact_that_the_protocol_accepts() -> None:
    check_terms(TERMS, PURPOSE, DATASETS, NOW)
    drafted = draft_artefact("c1", "N1", TERMS, PURPOSE, RECIPIENT, NOW)
    artefact = parse_artefact(drafted)
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
        (replace(TERMS, scopes=()), "INVALID_ARGUMENT"),
        (replace(TERMS, scopes=(TERMS.scopes[0], TERMS.scopes[0])), "INVALID_ARGUMENT"),
        (changed_scope(dataset="tax.secrets/v1"), "UNKNOWN_DATASET"),
        (changed_scope(fields=("income_fen", "home_address")), "UNKNOWN_FIELD"),
        (changed_scope(fields=()), "INVALID_ARGUMENT"),
        (changed_scope(fields=("income_fen", "income_fen")), "INVALID_ARGUMENT"),
        (changed_scope(period_to="2026-04"), "INVALID_ARGUMENT"),
        (changed_scope(period_from="2026-02", period_to="2026-01"), "INVALID_ARGUMENT"),
        (changed_scope(period_from="2026-13"), "INVALID_ARGUMENT"),
        (changed_scope(period_from="2020-12", period_to="2025-12"), "PURPOSE_LIMIT_EXCEEDED"),
    ],
)
def test_each_bad_term_has_its_code(terms: Terms, code: str) -> None:
    with pytest.raises(HuilianError) as refused:
        check_terms(terms, PURPOSE, DATASETS, NOW)
    assert refused.value.code == code


def test_the_upper_bounds_are_inclusive() -> None:
    check_terms(changed_scope(period_from="2021-01", period_to="2025-12"), PURPOSE, DATASETS, NOW)
    check_terms(replace(TERMS, max_reads=PURPOSE.max_reads, valid_until=LATEST), PURPOSE, DATASETS, NOW)


def test_months_are_counted_at_both_ends() -> None:
    assert months_between("2026-01", "2026-01") == 1
    assert months_between("2024-11", "2026-02") == 16


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(HuilianError) as refused:
        PurposeList.published().get("anything")
    assert refused.value.code == "UNKNOWN_PURPOSE"


def test_every_published_purpose_is_bounded_and_bilingual() -> None:
    for purpose in PurposeList.published().all():
        assert purpose.text_zh and purpose.text_en and purpose.recipients and purpose.legal_basis
        bounds = (purpose.max_period_months, purpose.max_reads, purpose.max_data_life_days, purpose.max_validity_days)
        assert min(bounds) >= 1


def test_each_agency_is_named_once() -> None:
    assert agencies_of(TERMS.scopes + TERMS.scopes, DATASETS) == ("housing_fund", "tax")
