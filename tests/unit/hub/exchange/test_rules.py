"""Whether a read is within what was granted, and what is recorded of it."""

from datetime import UTC, datetime

import pytest

from huilian_protocol.errors import HuilianError

from hub.consent.rules import Scope
from hub.exchange.rules import Read, access_record, check_granted

GRANTED = [
    Scope("housing_fund.account/v1", ("balance_fen", "status"), "2025-01", "2025-12"),
    Scope("tax.income/v1", ("income_fen",), "2025-01", "2025-06"),
]


def wanted(dataset: str = "housing_fund.account/v1", fields: tuple[str, ...] = ("status",), first: str = "2025-01",
           last: str = "2025-12") -> Scope:
    return Scope(dataset, fields, first, last)


@pytest.mark.parametrize("scope", [wanted(), wanted(fields=("balance_fen", "status")), wanted(first="2025-12")])
def test_what_was_granted_passes(scope: Scope) -> None:
    check_granted(scope, GRANTED)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (wanted(dataset="social_insurance.contributions/v1"), "FIELD_NOT_GRANTED"),
        (wanted(fields=("status", "income_fen")), "FIELD_NOT_GRANTED"),
        (wanted(fields=()), "INVALID_ARGUMENT"),
        (wanted(first="2024-12"), "PERIOD_NOT_GRANTED"),
        (wanted(last="2026-01"), "PERIOD_NOT_GRANTED"),
        (wanted(dataset="tax.income/v1", fields=("income_fen",)), "PERIOD_NOT_GRANTED"),
        (wanted(first="2025-12", last="2025-01"), "INVALID_ARGUMENT"),
    ],
)
def test_whatever_was_not_granted_is_refused(scope: Scope, code: str) -> None:
    with pytest.raises(HuilianError) as refused:
        check_granted(scope, GRANTED)
    assert refused.value.code == code


def test_the_record_says_who_what_why_when_and_how_it_ended() -> None:
    read = Read("r1", "c1", wanted())
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    record = access_record(read, reader="bank.lending", purpose="flash_loan", agency="housing_fund",
                           outcome="REFUSED:CONSENT_REVOKED", at=at)
    assert record == {
        "type": "huilian-access/v1", "request_id": "r1", "consent_id": "c1", "reader": "bank.lending",
        "purpose": "flash_loan", "agency": "housing_fund", "dataset": "housing_fund.account/v1",
        "fields": ["status"], "period": {"from": "2025-01", "to": "2025-12"},
        "outcome": "REFUSED:CONSENT_REVOKED", "at": "2026-01-02T03:04:05Z",
    }
