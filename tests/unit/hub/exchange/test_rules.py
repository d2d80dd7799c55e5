"""What is recorded of a read."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from huilian_protocol.artefact import Artefact, DatasetGrant, EvidenceLevel, Period, Purpose, Recipient
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.sealing import Suite

from hub.exchange.rules import EDGE, Attempt, Outcome, Read, access_record

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
YEAR = Period("2025-01", "2025-12")
READ = Read("r1", "c1", "housing_fund.account/v1", ("status",), YEAR)
ARTEFACT = Artefact(
    id="c1",
    subject="N1",
    recipient=Recipient("bank.lending", "k", Suite.XWING),
    purpose=Purpose("LOAN_APPLICATION", "贷款"),
    datasets=(DatasetGrant("housing_fund.account/v1", ("status",), YEAR),),
    max_reads=1,
    data_life_days=1,
    valid_from=AT,
    valid_until=AT.replace(year=2027),
    legal_basis="PIPL-13",
    evidence_level=EvidenceLevel.DEVICE_SIGNED,
)


@pytest.mark.parametrize(
    ("outcome", "text"), [(Outcome(), "DELIVERED"), (Outcome("CONSENT_REVOKED", EDGE), "REFUSED:CONSENT_REVOKED")]
)
def test_the_record_says_who_what_why_when_and_how_it_ended(outcome: Outcome, text: str) -> None:
    record = access_record(Attempt(READ, "bank.lending", ARTEFACT, "housing_fund"), outcome, AT)
    assert record == {
        "type": "huilian-access/v1",
        "request_id": "r1",
        "consent_id": "c1",
        "consent_sha256": b64u_encode(ARTEFACT.sha256),
        "recipient": "bank.lending",
        "requested_by": "bank.lending",
        "purpose": "LOAN_APPLICATION",
        "agency": "housing_fund",
        "dataset": "housing_fund.account/v1",
        "fields": ["status"],
        "period": {"from": "2025-01", "to": "2025-12"},
        "outcome": text,
        "refused_by": outcome.refused_by,
        "at": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize(
    "change", [{"consent_id": "c2"}, {"dataset": "d"}, {"fields": ("a",)}, {"period": Period("2025-01", "2025-11")}]
)
def test_another_input_is_another_request(change: dict[str, object]) -> None:
    assert replace(READ, request_id="r2").fingerprint == READ.fingerprint
    assert replace(READ, **change).fingerprint != READ.fingerprint  # type: ignore[arg-type]
