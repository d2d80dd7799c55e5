"""The court's daily file, and a connector that lives through missing, late and damaged days."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from huilian_protocol.clock import FixedClock
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gov_data.court_enforcement import wire
from connectors.gov_data.court_enforcement.connector import DATASET, map_cases
from connectors.gov_data.court_enforcement.sandbox import cases_on
from connectors.kit.acceptance.upstream import Upstream, running_upstream
from connectors.kit.contract import Presence, Query, Record, Subject, UpstreamMalformed, UpstreamUnavailable
from connectors.kit.plugin import build_connector
from connectors.kit.sandbox_people import DEMO_BORROWER, Person, population
from connectors.kit.sandbox_server import Fault
from connectors.kit.schema import PayloadSchemas
from tests.unit.connectors.gov_data.agencies import NOW, YEAR, first_of_kind

PACKAGE = "connectors.gov_data.court_enforcement"
TODAY = date(2026, 11, 21)
CASE = wire.Case("林晓雨", "110105199005170968", "（2026）沙01执7号", "沙盒法院", date(2026, 3, 2), 123_45, "01")
FILE = wire.DailyFile(datetime(2026, 11, 21, 6, tzinfo=wire.CHINA), (CASE, replace(CASE, status="09", amount_fen=0)))


@asynccontextmanager
async def court(clock: FixedClock) -> AsyncIterator[Upstream]:
    async with running_upstream(PACKAGE, clock) as upstream:
        yield upstream


async def read(upstream: Upstream, person: Person, clock: FixedClock) -> Record:
    query = Query(DATASET, Subject(person.name, person.resident_id), YEAR, clock.now())
    record = await upstream.connector.read(query)
    PayloadSchemas(upstream.manifest).check(DATASET, record)
    return record


async def test_a_dishonest_debtor_is_told_with_the_files_date() -> None:
    clock = FixedClock(NOW)
    async with court(clock) as upstream:
        record = await read(upstream, first_of_kind("dishonest_debtor"), clock)
    assert record.data["is_dishonest_debtor"] is True and record.data["consumption_restricted"] is True
    assert (record.data["file_date"], record.data["file_age_days"]) == ("2026-11-21", 0)
    assert record.as_of == datetime(2026, 11, 20, 22, tzinfo=UTC)


async def test_who_is_not_listed_is_told_as_of_the_file_too() -> None:
    clock = FixedClock(NOW)
    async with court(clock) as upstream:
        record = await read(upstream, DEMO_BORROWER, clock)
    assert (record.presence, record.data) == (Presence.NO_ACCOUNT, {})
    assert record.as_of == datetime(2026, 11, 20, 22, tzinfo=UTC)


async def test_before_six_in_the_morning_yesterdays_file_serves() -> None:
    clock = FixedClock(datetime(2026, 11, 20, 21, 30, tzinfo=UTC))
    async with court(clock) as upstream:
        record = await read(upstream, first_of_kind("dishonest_debtor"), clock)
    assert (record.data["file_date"], record.data["file_age_days"]) == ("2026-11-20", 1)


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.GARBAGE, Fault.CUT, Fault.BROKEN_SCHEMA, Fault.WRONG_PERSON])
async def test_a_bad_day_is_survived_on_the_last_good_file_and_its_age_is_said(fault: Fault) -> None:
    clock, person = FixedClock(NOW), first_of_kind("dishonest_debtor")
    async with court(clock) as upstream:
        await read(upstream, person, clock)
        upstream.faults.active = fault
        for age in (1, 2, 3):
            clock.advance(timedelta(days=1))
            record = await read(upstream, person, clock)
            assert (record.data["file_date"], record.data["file_age_days"]) == ("2026-11-21", age)
        clock.advance(timedelta(days=1))
        with pytest.raises(UpstreamUnavailable, match="too old"):
            await read(upstream, person, clock)
        upstream.faults.active = None
        clock.advance(timedelta(minutes=5))
        assert (await read(upstream, person, clock)).data["file_age_days"] == 0


async def test_a_missing_file_is_asked_for_again_after_a_pause_only() -> None:
    clock, person = FixedClock(NOW), first_of_kind("dishonest_debtor")
    async with court(clock) as upstream:
        await read(upstream, person, clock)
        clock.advance(timedelta(hours=13))
        upstream.faults.active = Fault.DOWN
        for _ in range(5):
            await read(upstream, person, clock)
        assert upstream.faults.queries == 2
        clock.advance(timedelta(minutes=5))
        await read(upstream, person, clock)
        assert upstream.faults.queries == 3


async def test_a_restarted_connector_serves_from_its_disk_and_verifies_what_it_finds_there() -> None:
    clock, person = FixedClock(NOW), first_of_kind("dishonest_debtor")
    async with court(clock) as upstream, AsyncExitStack() as stack:
        await read(upstream, person, clock)
        upstream.faults.active = Fault.DOWN
        again = dataclasses.replace(upstream, connector=await build_connector(PACKAGE, upstream.context, stack))
        assert (await read(again, person, clock)).data["file_age_days"] == 0
        stored = upstream.context.state_dir / "20261121.dat"
        stored.write_bytes(stored.read_bytes().replace(b"02\r\n", b"09\r\n"))
        third = dataclasses.replace(upstream, connector=await build_connector(PACKAGE, upstream.context, stack))
        with pytest.raises(UpstreamMalformed, match="not signed"):
            await read(third, person, clock)


async def test_old_files_do_not_stay_on_the_disk() -> None:
    clock, person = FixedClock(NOW), first_of_kind("dishonest_debtor")
    async with court(clock) as upstream:
        for _ in range(6):
            await read(upstream, person, clock)
            clock.advance(timedelta(days=1))
        days = sorted({path.stem for path in upstream.context.state_dir.glob("*.dat")})
    assert days == ["20261123", "20261124", "20261125", "20261126"]


def test_a_wrong_listing_is_gone_from_the_day_of_its_correction() -> None:
    late = next(person for person in population().values() if person.corrected_on_day == 15)
    listed = {
        day: any(case.resident_id == late.resident_id for case in cases_on(date(2026, 11, day))) for day in (14, 15)
    }
    assert listed == {14: True, 15: False}


def test_a_file_survives_writing_and_reading() -> None:
    rare = replace(CASE, name="𠮷㐂·阿卜杜拉")
    file = wire.DailyFile(FILE.published_at, (rare,))
    assert wire.read(wire.write(file), TODAY) == file


def test_a_value_wider_than_its_column_is_never_cut() -> None:
    with pytest.raises(ValueError, match="wider"):
        wire.write(wire.DailyFile(FILE.published_at, (replace(CASE, name="长" * 21),)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-2],
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b"T00000002", b"T00000003"),
        lambda content: content.replace(b"000000000012345", b"000000000012346", 1),
        lambda content: content.replace(b"SPC-ZXXX", b"SPC-XXXX"),
        lambda content: content.replace(b"20261121", b"20261120"),
        lambda content: b"\r\n".join(content.split(b"\r\n")[:1] + content.split(b"\r\n")[2:]),
        lambda content: content.replace(b"01\r\n", b"05\r\n"),
        lambda content: content.replace("林".encode("gb18030"), b"\xff\xff"),
        lambda content: content.replace(b"20260302", b"20261302"),
    ],
)
def test_a_damaged_file_is_refused_whole(spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError):
        wire.read(spoil(wire.write(FILE)), TODAY)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_single_changed_byte_passes_the_signature(data: st.DataObject) -> None:
    content = wire.write(FILE)
    place, value = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
    changed = content[:place] + bytes([value]) + content[place + 1 :]
    key, public = "11" * 32, _public_of("11" * 32)
    assert wire.is_signed(public, changed, wire.sign(key, content)) == (changed == content)


def _public_of(private_hex: str) -> str:
    key = wire.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_hex))
    return key.public_key().public_bytes_raw().hex()


def test_closed_cases_are_listed_but_owe_and_restrict_nothing() -> None:
    mapped = map_cases((replace(CASE, status="09"),), YEAR)
    assert mapped["outstanding_fen"] == mapped["open_cases"] == 0
    assert mapped["is_dishonest_debtor"] is mapped["consumption_restricted"] is False
    assert len(mapped["cases"]) == 1  # type: ignore[arg-type]
