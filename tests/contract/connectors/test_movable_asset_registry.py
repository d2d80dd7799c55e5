"""The port `Registry`: the sandbox behind the hub's client and the fake of the lending tests do the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock, SystemClock
from huilian_protocol.errors import HuilianError

from connectors.authorities.movable_asset_registry.register import Entry, MovableAssetRegister, Status
from hub.lending.ports import PartyNames, Registry
from hub.lending.registrations.client import GrpcRegistry
from ledger.registry.invoices import InvoiceIdentity
from tests.contract.connectors.test_authorities import running
from tests.unit.hub.lending.fake_registry import FakeRegistry

INVOICE = InvoiceIdentity("91449900MA0H00029R", "91449900MA0H00010W", "NO-1", 50_000, date(2026, 1, 5))
NAMES = PartyNames("沙盒供应商", "沙盒核心企业")
OTHER = InvoiceIdentity("91449900MA0H00029R", "91449900MA0H00010W", "NO-2", 50_000, date(2026, 1, 5))


@pytest.fixture(params=["fake", "sandbox"])
async def registry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Registry]:
    """Both that there are."""
    if request.param == "fake":
        yield FakeRegistry(SystemClock(), "hub")
        return
    async with running("movable_asset_registry", tmp_path) as channel:
        yield GrpcRegistry(channel, "hub")


def in_a_year() -> date:
    return (datetime.now(UTC) + timedelta(days=365)).date()


async def code_of(attempt: object) -> str:
    with pytest.raises(HuilianError) as refusal:
        await attempt  # type: ignore[misc]
    return refusal.value.code


async def test_the_port(registry: Registry) -> None:
    assert await registry.search(INVOICE) == []
    assert await code_of(registry.look("claim-0001")) == "NOT_FOUND"
    assert await code_of(registry.amend("claim-0001", 1, NAMES)) == "NOT_FOUND"
    assert await code_of(registry.deregister("claim-0001")) == "NOT_FOUND"
    first = await registry.register("claim-0001", INVOICE, in_a_year(), NAMES)
    assert (first.is_ours, first.secured_party, first.status) == (True, "hub", "REGISTERED")
    assert await registry.register("claim-0001", INVOICE, in_a_year(), NAMES) == first
    assert await code_of(registry.register("claim-0001", OTHER, in_a_year(), NAMES)) == "REQUEST_ID_REUSED"
    second = await registry.register("claim-0002", INVOICE, in_a_year(), NAMES)
    assert second.registered_at > first.registered_at
    assert [entry.registration_id for entry in await registry.search(INVOICE)] == ["claim-0001", "claim-0002"]
    assert await registry.search(OTHER) == []
    assert (first.amount_fen, first.names) == (50_000, NAMES)
    renamed = PartyNames("", "沙盒新名称")
    for _ in range(2):
        amended = await registry.amend("claim-0001", 30_000, renamed)
        assert (amended.amount_fen, amended.names) == (30_000, PartyNames(NAMES.grantor, "沙盒新名称"))
        assert (amended.status, amended.registered_at) == ("AMENDED", first.registered_at)
    later = in_a_year() + timedelta(days=30)
    extended = await registry.extend("claim-0001", later)
    assert (extended.expires_on, extended.status) == (later, "EXTENDED")
    assert (await registry.extend("claim-0001", later)).expires_on == later
    await registry.deregister("claim-0001")
    await registry.deregister("claim-0001")
    assert (await registry.look("claim-0001")).status == "DEREGISTERED"
    assert await code_of(registry.extend("claim-0001", later + timedelta(days=1))) == "STATE_CONFLICT"
    assert await code_of(registry.amend("claim-0001", 1, NAMES)) == "STATE_CONFLICT"
    assert [entry.registration_id for entry in await registry.search(INVOICE)] == ["claim-0002"]


async def test_without_a_register_every_call_says_that_it_is_away() -> None:
    registry = GrpcRegistry(None, "hub")
    assert await code_of(registry.search(INVOICE)) == "PROVIDER_UNAVAILABLE"


@pytest.fixture
def clock() -> FixedClock:
    """Noon in China."""
    return FixedClock(datetime(2026, 3, 1, 4, tzinfo=UTC))


def wanted(party: str = "hub-a", name: str = "claim-0001") -> Entry:
    never = datetime(2000, 1, 1, tzinfo=UTC)
    return Entry(name, "", party, "seller", "buyer", "NO-1", 100, Status.REGISTERED, never, date(2027, 3, 1))


def refusal_of(attempt: object) -> str:
    with pytest.raises(HuilianError) as refusal:
        attempt()  # type: ignore[operator]
    return refusal.value.code


def test_only_its_party_changes_a_registration(tmp_path: Path, clock: FixedClock) -> None:
    register = MovableAssetRegister(tmp_path / "register", clock)
    register.register(wanted())
    for attempt in (
        lambda: register.amend("hub-b", "claim-0001", 1),
        lambda: register.extend("hub-b", "claim-0001", date(2028, 1, 1)),
        lambda: register.deregister("hub-b", "claim-0001"),
    ):
        assert refusal_of(attempt) == "PERMISSION_DENIED"
    assert refusal_of(lambda: register.register(wanted("hub-b"))) == "REQUEST_ID_REUSED"
    amended = register.amend("hub-a", "claim-0001", 70)
    assert (amended.status, amended.amount_fen) == (Status.AMENDED, 70)
    assert register.object_to("claim-0001", "已清偿").status is Status.OBJECTED


def test_what_runs_out_is_not_found_any_more_and_not_extended(tmp_path: Path, clock: FixedClock) -> None:
    register = MovableAssetRegister(tmp_path / "register", clock)
    kept = register.register(wanted())
    clock.advance(timedelta(days=365))
    assert register.search("seller", "buyer", "NO-1") == [kept]
    clock.advance(timedelta(days=1))
    assert register.search("seller", "buyer", "NO-1") == []
    assert register.get("claim-0001").status is Status.EXPIRED
    assert refusal_of(lambda: register.extend("hub-a", "claim-0001", date(2028, 1, 1))) == "STATE_CONFLICT"


@pytest.mark.parametrize("expires_on", [date(2026, 3, 10), date(2057, 1, 1)])
def test_a_term_is_one_month_to_thirty_years(tmp_path: Path, clock: FixedClock, expires_on: date) -> None:
    register = MovableAssetRegister(tmp_path / "register", clock)
    assert refusal_of(lambda: register.register(replace(wanted(), expires_on=expires_on))) == "INVALID_ARGUMENT"


def test_the_list_survives_a_restart_in_its_order(tmp_path: Path, clock: FixedClock) -> None:
    first = MovableAssetRegister(tmp_path / "register", clock)
    names = [first.register(wanted(name=f"claim-000{number}")).registration_id for number in (3, 1, 2)]
    again = MovableAssetRegister(tmp_path / "register", clock)
    assert [entry.registration_id for entry in again.search("seller", "buyer", "NO-1")] == names
