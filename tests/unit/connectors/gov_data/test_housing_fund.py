"""The housing fund's protocol and what its connector makes of it."""

from connectors.gov_data.housing_fund.wire import sign_answer, sign_request
from connectors.kit.contract import NO_ACCOUNT, Presence
from connectors.kit.months import Period
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP, DEMO_NO_ACCOUNT
from tests.unit.connectors.gov_data.agencies import read

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"


async def test_a_steady_account() -> None:
    record = await read(PACKAGE, DATASET, DEMO_BORROWER)
    assert record.presence is Presence.PRESENT
    # 18,500 yuan a month, 12 % from each side, since July 2018.
    assert record.data["monthly_deposit_fen"] == 444_000
    assert record.data["balance_fen"] == 444_000 * 100
    assert record.data["deposit_months"] == 12
    assert record.data["account_status"] == "NORMAL"
    assert record.data["opened_month"] == "2018-07"
    assert record.data["last_deposit_month"] == "2026-10"


async def test_only_months_of_the_period_come_back() -> None:
    record = await read(PACKAGE, DATASET, DEMO_GAP, Period.parse("2025-07", "2026-03"))
    deposits = record.data["deposits"]
    assert isinstance(deposits, list)
    assert [row["month"] for row in deposits if isinstance(row, dict)] == ["2025-07", "2025-08", "2026-02", "2026-03"]
    assert record.data["deposit_months"] == 4


async def test_no_account_is_said_so() -> None:
    assert await read(PACKAGE, DATASET, DEMO_NO_ACCOUNT) == NO_ACCOUNT


def test_the_signature_covers_everything() -> None:
    base = ("secret", "app", "1700000000000", "nonce", b"{}")
    changed = [
        sign_request(*base[:index], other, *base[index + 1 :])  # type: ignore[arg-type]
        for index, other in enumerate(("other", "other", "1700000000001", "other", b"{ }"))
    ]
    assert len({sign_request(*base), *changed}) == 6
    assert sign_answer("s", "n1", b"x") != sign_answer("s", "n2", b"x")
