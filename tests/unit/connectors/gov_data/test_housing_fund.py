"""The housing fund's protocol and what its connector makes of it."""

from datetime import timedelta

from aiohttp.test_utils import TestClient, TestServer
from huilian_protocol.clock import FixedClock

from connectors.gov_data.housing_fund.sandbox import create
from connectors.gov_data.housing_fund.wire import QUERY_PATH, sign_answer, sign_request
from connectors.kit.contract import NO_ACCOUNT, Presence
from connectors.kit.credentials import Credentials
from connectors.kit.months import Period
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP, DEMO_NO_ACCOUNT
from connectors.kit.sandbox_server import SandboxContext
from tests.unit.connectors.gov_data.agencies import NOW, read

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


async def test_a_question_is_answered_once() -> None:
    clock, body = FixedClock(NOW), b'{"ping": "1"}'
    app = create(SandboxContext(Credentials({"app_id": "app", "secret": "secret"}), clock))

    async def ask(client: TestClient, nonce: str) -> int:  # type: ignore[type-arg]
        time_ms = str(int(NOW.timestamp() * 1_000))
        signature = sign_request("secret", "app", time_ms, nonce, body)
        headers = {"X-Gjj-Timestamp": time_ms, "X-Gjj-Nonce": nonce, "X-Gjj-Signature": signature}
        return (await client.post(QUERY_PATH, data=body, headers=headers)).status

    async with TestClient(TestServer(app)) as client:
        assert [await ask(client, nonce) for nonce in ("1", "2", "1", "2")] == [200, 200, 401, 401]
        clock.advance(timedelta(minutes=5))
        assert [await ask(client, nonce) for nonce in ("1", "3")] == [401, 200], "its time is still taken"
        clock.advance(timedelta(minutes=6))
        assert await ask(client, "1") == 401, "too old by now"


def test_the_signature_covers_everything() -> None:
    base = ("secret", "app", "1700000000000", "nonce", b"{}")
    changed = [
        sign_request(*base[:index], other, *base[index + 1 :])  # type: ignore[arg-type]
        for index, other in enumerate(("other", "other", "1700000000001", "other", b"{ }"))
    ]
    assert len({sign_request(*base), *changed}) == 6
    assert sign_answer("s", "n1", b"x") != sign_answer("s", "n2", b"x")
