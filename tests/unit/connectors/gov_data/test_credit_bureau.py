"""The credit bureau's asynchronous protocol: tickets, patience, restarts; and what the mapping makes of reports."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gov_data.credit_bureau.connector import DATASET
from connectors.gov_data.credit_bureau.mapping import map_report
from connectors.gov_data.credit_bureau.sandbox_reports import report_of
from connectors.gov_data.credit_bureau.tickets import LIFE, Tickets, is_ticket
from connectors.kit.acceptance.edge import running_edge
from connectors.kit.acceptance.upstream import Upstream, running_upstream
from connectors.kit.contract import Presence, Query, Record, Subject, UpstreamMalformed
from connectors.kit.manifest import load_manifest
from connectors.kit.plugin import build_connector
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT, Person, population
from connectors.kit.schema import PayloadSchemas
from tests.unit.connectors.gov_data.agencies import NOW, YEAR, first_of_kind, read

PACKAGE = "connectors.gov_data.credit_bureau"
NEVER = 10**9


async def ask(upstream: Upstream, person: Person, request_id: str = "request-1") -> Record:
    query = Query(DATASET, Subject(person.name, person.resident_id), YEAR, NOW, request_id)
    return await upstream.connector.read(query)


@asynccontextmanager
async def bureau(clock: FixedClock | None = None) -> AsyncIterator[Upstream]:
    async with running_upstream(PACKAGE, clock or FixedClock(NOW)) as upstream:
        yield upstream


async def test_arrears_show_as_growing_delay() -> None:
    record = await read(PACKAGE, DATASET, first_of_kind("arrears"))
    assert record.data["overdue_months"] == ["2026-09", "2026-10"]
    assert record.data["worst_overdue_months"] == 2
    assert (await read(PACKAGE, DATASET, DEMO_BORROWER)).data["overdue_accounts"] == 0


async def test_no_credit_history_is_said_so() -> None:
    assert (await read(PACKAGE, DATASET, DEMO_NO_ACCOUNT)).presence is Presence.NO_ACCOUNT


async def test_it_polls_until_the_report_is_ready() -> None:
    async with bureau() as upstream:
        upstream.faults.polls_until_ready = 4
        assert (await ask(upstream, DEMO_BORROWER)).presence is Presence.PRESENT
        assert upstream.faults.queries == 1


async def test_a_report_that_is_not_ready_in_time_costs_nothing_and_the_same_request_goes_on(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        edge.upstream.faults.polls_until_ready = NEVER
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=1)
        request = edge.request(device, artefact)
        for _ in range(2):
            with pytest.raises(HuilianError, match="PROVIDER_TIMEOUT"):
                await edge.service.read(request)
            assert edge.store.used_reads(artefact.id, DATASET) == 0
        edge.upstream.faults.polls_until_ready = 0
        await edge.service.read(request)
        # Three attempts, one inquiry in the person's report.
        assert edge.upstream.faults.queries == 1
        assert edge.store.used_reads(artefact.id, DATASET) == 1


async def test_a_ticket_survives_a_restart_of_the_connector() -> None:
    async with bureau() as upstream, AsyncExitStack() as stack:
        upstream.faults.polls_until_ready = NEVER
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(upstream, DEMO_BORROWER)
        kept = list((upstream.context.state_dir / "tickets").iterdir())
        assert len(kept) == 1
        assert DEMO_BORROWER.resident_id.encode() not in kept[0].read_bytes()
        upstream.faults.polls_until_ready = 0
        again = dataclasses.replace(upstream, connector=await build_connector(PACKAGE, upstream.context, stack))
        assert (await ask(again, DEMO_BORROWER)).presence is Presence.PRESENT
        assert upstream.faults.queries == 1
        assert not list((upstream.context.state_dir / "tickets").iterdir())


async def test_another_request_gets_a_ticket_of_its_own() -> None:
    async with bureau() as upstream:
        await ask(upstream, DEMO_BORROWER, "request-1")
        await ask(upstream, DEMO_BORROWER, "request-2")
        assert upstream.faults.queries == 2


async def test_a_ticket_that_the_bureau_forgot_is_asked_for_again() -> None:
    async with bureau() as upstream:
        connector: Any = upstream.connector
        number = connector._number_of(Query(DATASET, Subject("x", "y"), YEAR, NOW, "request-1"))
        await connector._tickets.keep(number, "T-000000000000000000000000")
        assert (await ask(upstream, DEMO_BORROWER)).presence is Presence.PRESENT
        assert upstream.faults.queries == 1


async def test_an_expired_access_token_is_renewed() -> None:
    clock = FixedClock(NOW)
    async with bureau(clock) as upstream:
        await ask(upstream, DEMO_BORROWER, "request-1")
        clock.advance(timedelta(minutes=11))
        await ask(upstream, DEMO_BORROWER, "request-2")
        connector: Any = upstream.connector
        # The bureau lost its tokens: ours looks good to us and is refused by it.
        connector._login._token = "0" * 48
        assert (await ask(upstream, DEMO_BORROWER, "request-3")).presence is Presence.PRESENT


async def test_tickets_do_not_outlive_the_bureaus_memory(tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    tickets = Tickets(tmp_path, clock)
    await tickets.keep("a", "T-12345678")
    assert await Tickets(tmp_path, clock).get("a") == "T-12345678"
    clock.advance(LIFE)
    assert await tickets.get("a") is None
    (tmp_path / "b.json").write_bytes(b"{")
    assert await tickets.get("b") is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("value", ["", "short", "../../etc/passwd", "T-" + "0" * 63, "T-1234567?", None, 7])
def test_what_is_no_ticket_never_becomes_part_of_a_path(value: object) -> None:
    assert not is_ticket(value)


def test_a_wrong_mark_disappears_on_the_day_of_its_correction() -> None:
    late = next(person for person in population().values() if person.corrected_on_day == 15)
    marks = {}
    for day in (14, 15):
        report = report_of(late, date(2026, 11, day))
        assert report is not None
        marks[day] = map_report(report, YEAR)["overdue_months"]
    assert marks == {14: ["2026-10"], 15: []}


texts = st.one_of(
    st.none(), st.integers(), st.lists(st.text(max_size=2), max_size=2), st.text(max_size=8), st.just("9")
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_bureau_lies(data: st.DataObject) -> None:
    report = report_of(DEMO_BORROWER, NOW.date())
    assert report is not None
    place = data.draw(
        st.sampled_from([report, report["accounts"][0], report["repayments"][-1], report["inquiries"][0]])
    )
    name = data.draw(st.sampled_from(sorted(place)))
    place[name] = data.draw(texts)
    schemas = PayloadSchemas(load_manifest(PACKAGE))
    with contextlib.suppress(UpstreamMalformed):
        schemas.check(DATASET, Record(Presence.PRESENT, map_report(report, YEAR)))
