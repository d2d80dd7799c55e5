"""What is recorded of a read."""

from datetime import UTC, datetime

import pytest
from huilian_protocol.artefact import Period

from hub.exchange.rules import EDGE, Outcome, Read, access_record


@pytest.mark.parametrize(
    ("outcome", "text"), [(Outcome(), "DELIVERED"), (Outcome("CONSENT_REVOKED", EDGE), "REFUSED:CONSENT_REVOKED")]
)
def test_the_record_says_who_what_why_when_and_how_it_ended(outcome: Outcome, text: str) -> None:
    read = Read("r1", "c1", "housing_fund.account/v1", ("status",), Period("2025-01", "2025-12"))
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    record = access_record(read, outcome, reader="bank.lending", purpose="LOAN_APPLICATION", agency="housing_fund", at=at)
    assert record == {
        "type": "huilian-access/v1",
        "request_id": "r1",
        "consent_id": "c1",
        "reader": "bank.lending",
        "purpose": "LOAN_APPLICATION",
        "agency": "housing_fund",
        "dataset": "housing_fund.account/v1",
        "fields": ["status"],
        "period": {"from": "2025-01", "to": "2025-12"},
        "outcome": text,
        "refused_by": outcome.refused_by,
        "at": "2026-01-02T03:04:05Z",
    }
