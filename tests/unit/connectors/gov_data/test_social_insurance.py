"""The social insurance gateway's encryption and what its connector makes of the answers."""

import pytest

from connectors.gov_data.social_insurance import wire
from connectors.kit.contract import NO_ACCOUNT
from connectors.kit.months import Period
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP, DEMO_NO_ACCOUNT, DEMO_TWO_EMPLOYERS
from tests.unit.connectors.gov_data.agencies import read

PACKAGE, DATASET = "connectors.gov_data.social_insurance", "social_insurance.contribution/v1"
KEY = "000102030405060708090a0b0c0d0e0f"


async def test_a_steady_contributor() -> None:
    record = await read(PACKAGE, DATASET, DEMO_BORROWER)
    assert record.data["months_paid"] == record.data["consecutive_months"] == 12
    assert record.data["gap_months"] == []
    assert record.data["base_fen"] == 1_850_000
    assert record.data["participation_status"] == "ACTIVE"


async def test_a_gap_is_listed_month_by_month() -> None:
    record = await read(PACKAGE, DATASET, DEMO_GAP, Period.parse("2025-07", "2026-10"))
    assert record.data["gap_months"] == ["2025-09", "2025-10", "2025-11", "2025-12", "2026-01"]
    assert record.data["consecutive_months"] == 9
    employers = record.data["employers"]
    assert isinstance(employers, list) and len(employers) == 2


async def test_months_that_are_not_due_are_no_gap() -> None:
    record = await read(PACKAGE, DATASET, DEMO_BORROWER, Period.parse("2018-01", "2026-11"))
    assert record.data["gap_months"] == []


async def test_the_second_employer_does_not_insure() -> None:
    record = await read(PACKAGE, DATASET, DEMO_TWO_EMPLOYERS)
    employers = record.data["employers"]
    assert isinstance(employers, list) and len(employers) == 1


async def test_not_insured_is_said_so() -> None:
    assert await read(PACKAGE, DATASET, DEMO_NO_ACCOUNT) == NO_ACCOUNT


def test_encryption_binds_key_nonce_and_context() -> None:
    nonce = b"n" * 12
    sealed = wire.encrypt(KEY, nonce, "context", {"姓名": "林"})
    assert wire.decrypt(KEY, nonce, "context", sealed) == {"姓名": "林"}
    for key, used, context in (("f" * 32, nonce, "context"), (KEY, b"m" * 12, "context"), (KEY, nonce, "other")):
        with pytest.raises(ValueError):
            wire.decrypt(key, used, context, sealed)
