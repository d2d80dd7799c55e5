"""The acceptance suite is itself tested: each of these connectors is broken in one way, and the suite says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.suite import FAULT_CODES, ConnectorAcceptance, DatasetCase
from connectors.kit.contract import (
    NO_ACCOUNT,
    CheckOutcome,
    CheckResult,
    Connector,
    Presence,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamUnavailable,
)
from connectors.kit.months import Period
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT
from connectors.kit.sandbox_server import Fault

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"
CASE = DatasetCase(DATASET, present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT)
Fetch = Callable[[Query], Coroutine[Any, Any, Record]]


@dataclass
class Honest:
    """Passes everything on; the broken ones below differ in one method."""

    inner: Connector

    def discover(self) -> frozenset[str]:
        return self.inner.discover()

    async def check(self) -> CheckResult:
        return await self.inner.check()

    async def read(self, query: Query) -> Record:
        return await self.inner.read(query)


class AlwaysReady(Honest):
    async def check(self) -> CheckResult:
        return CheckResult(CheckOutcome.READY)


class IgnoresThePeriod(Honest):
    async def read(self, query: Query) -> Record:
        return await self.inner.read(replace(query, period=Period.parse("2025-07", "2026-10")))


class AbsenceIsAnError(Honest):
    async def read(self, query: Query) -> Record:
        record = await self.inner.read(query)
        if record.presence is Presence.NO_ACCOUNT:
            raise UpstreamUnavailable("nobody there")
        return record


class FailureIsAbsence(Honest):
    async def read(self, query: Query) -> Record:
        try:
            return await self.inner.read(query)
        except UpstreamError:
            return NO_ACCOUNT


class EveryFailureIsTheSame(Honest):
    async def read(self, query: Query) -> Record:
        try:
            return await self.inner.read(query)
        except UpstreamMalformed:
            raise UpstreamUnavailable("something went wrong") from None


class AddsAField(Honest):
    async def read(self, query: Query) -> Record:
        record = await self.inner.read(query)
        return Record(record.presence, {**record.data, "resident_id": query.subject.resident_id})


class LeavesAFieldOut(Honest):
    async def read(self, query: Query) -> Record:
        record = await self.inner.read(query)
        return Record(record.presence, {k: v for k, v in record.data.items() if k != "balance_fen"})


class CountsInFloats(Honest):
    async def read(self, query: Query) -> Record:
        record = await self.inner.read(query)
        if record.presence is Presence.NO_ACCOUNT:
            return record
        return Record(record.presence, {**record.data, "balance_fen": float(4)})  # type: ignore[dict-item]


class SmugglesThePersonIn(Honest):
    async def read(self, query: Query) -> Record:
        record = await self.inner.read(query)
        if record.presence is Presence.NO_ACCOUNT:
            return record
        return Record(record.presence, {**record.data, "employer_name": f"{query.subject.name} GmbH"})


class AsksTwice(Honest):
    async def read(self, query: Query) -> Record:
        await self.inner.read(query)
        return await self.inner.read(query)


class Chatty(Honest):
    async def read(self, query: Query) -> Record:
        logging.getLogger("connector").info("reading %s", query.subject.resident_id)
        return await self.inner.read(query)


@dataclass
class RemembersTheLast(Honest):
    """Serves an old answer whenever the agency fails, without saying so."""

    last: Record = NO_ACCOUNT

    async def read(self, query: Query) -> Record:
        try:
            self.last = await self.inner.read(query)
        except UpstreamError:
            return self.last
        return self.last


class WaitsForEver(Honest):
    async def read(self, query: Query) -> Record:
        await asyncio.sleep(3_600)
        return await self.inner.read(query)


class DeclaresLess(Honest):
    def discover(self) -> frozenset[str]:
        return frozenset()


suite = ConnectorAcceptance()
suite.package, suite.cases = PACKAGE, (CASE,)
Run = Callable[[Edge], Coroutine[Any, Any, None]]


def fails(fault: Fault) -> Run:
    return lambda edge: suite.test_failures_are_told_apart_and_cost_nothing(edge, CASE, fault)


BROKEN: list[tuple[type[Honest], Run]] = [
    (AlwaysReady, lambda edge: suite.test_check_says_what_to_do(edge, Fault.DOWN)),
    (IgnoresThePeriod, lambda edge: suite.test_only_the_asked_months_leave(edge, CASE)),
    (AbsenceIsAnError, lambda edge: suite.test_absence_is_said_and_carries_nothing(edge, CASE)),
    (FailureIsAbsence, fails(Fault.DOWN)),
    (EveryFailureIsTheSame, fails(Fault.GARBAGE)),
    (AddsAField, lambda edge: suite.test_everybody_fits_the_schema(edge, CASE)),
    (LeavesAFieldOut, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
    (CountsInFloats, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
    (SmugglesThePersonIn, lambda edge: suite.test_only_the_asked_fields_leave(edge, CASE)),
    (AsksTwice, lambda edge: suite.test_a_repeated_request_asks_the_agency_once(edge, CASE)),
    (RemembersTheLast, fails(Fault.SLOW)),
    (WaitsForEver, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
]


@pytest.mark.parametrize(("broken", "run"), BROKEN, ids=[broken.__name__ for broken, _ in BROKEN])
async def test_a_broken_connector_is_caught(tmp_path: Path, broken: type[Honest], run: Run) -> None:
    async with running_edge(PACKAGE, tmp_path, broken) as edge:
        with pytest.raises((AssertionError, HuilianError, UpstreamError, pytest.fail.Exception)):
            await run(edge)


@pytest.mark.parametrize(("broken", "run"), BROKEN, ids=[broken.__name__ for broken, _ in BROKEN])
async def test_the_honest_one_passes_the_same_test(tmp_path: Path, broken: type[Honest], run: Run) -> None:
    async with running_edge(PACKAGE, tmp_path, Honest) as edge:
        await run(edge)


async def test_a_connector_that_logs_people_is_caught(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running_edge(PACKAGE, tmp_path, Chatty) as edge:
        with pytest.raises(AssertionError):
            await suite.test_nothing_personal_and_no_secret_is_logged(edge, CASE, caplog)


async def test_a_connector_that_declares_other_datasets_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="other datasets"):
        async with running_edge(PACKAGE, tmp_path, DeclaresLess):
            pass


def test_every_fault_has_a_code() -> None:
    assert set(FAULT_CODES) == set(Fault)
