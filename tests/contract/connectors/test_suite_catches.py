"""The acceptance suite is itself tested: each of these connectors is broken in one way, and the suite says so."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError

from connectors.gov_data.traffic_police.acceptance import ACTION_CASES
from connectors.gov_data.utilities.acceptance import CASES as UTILITIES_CASES
from connectors.kit.acceptance.actions import ActionAcceptance, Payer
from connectors.kit.acceptance.bronze import unmasked
from connectors.kit.acceptance.cases import DatasetCase, Traits
from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.suite import FAULT_CODES, PAGE_FAULT_CODES, ConnectorAcceptance
from connectors.kit.contract import UpstreamError
from connectors.kit.manifest import DatasetSpec, load_manifest
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT
from connectors.kit.sandbox_server import Fault, PageFault
from tests.contract.connectors import broken_connectors as broken
from tests.contract.connectors.broken_connectors import Honest, HonestPayer

HOUSING_FUND, UTILITIES = "connectors.gov_data.housing_fund", "connectors.gov_data.utilities"
BUREAU, POLICE = "connectors.gov_data.credit_bureau", "connectors.gov_data.traffic_police"
CASE = DatasetCase("housing_fund.account/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT)
REPORT = DatasetCase("credit_bureau.report/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT)
BILLS = UTILITIES_CASES[0]
Run = Callable[[Edge], Coroutine[Any, Any, None]]
CAUGHT = (AssertionError, HuilianError, UpstreamError, pytest.fail.Exception)


def suite_of(package: str, case: DatasetCase, traits: Traits | None = None) -> ConnectorAcceptance:
    suite = ConnectorAcceptance()
    suite.package, suite.cases, suite.traits = package, (case,), traits or Traits()
    return suite


suite = suite_of(HOUSING_FUND, CASE)
paged = suite_of(UTILITIES, BILLS, Traits(in_pages=True))
later = suite_of(BUREAU, REPORT, Traits(later=True))
acting = ActionAcceptance()
acting.package, acting.action_cases = POLICE, ACTION_CASES


def fails(fault: Fault) -> Run:
    return lambda edge: suite.test_failures_are_told_apart_and_cost_nothing(edge, CASE, fault)


def open_end(fault: Fault) -> Run:
    return lambda edge: acting.test_an_open_end_is_taken_up_by_its_own_request(payer(edge), fault)


def payer(edge: Edge) -> Payer:
    return Payer(edge, ACTION_CASES[0])


READING: list[tuple[type[Honest], Run]] = [
    (broken.AlwaysReady, lambda edge: suite.test_check_says_what_to_do(edge, Fault.DOWN)),
    (broken.IgnoresThePeriod, lambda edge: suite.test_only_the_asked_months_leave(edge, CASE)),
    (broken.AbsenceIsAnError, lambda edge: suite.test_absence_is_said_and_carries_nothing(edge, CASE)),
    (broken.FailureIsAbsence, fails(Fault.DOWN)),
    (broken.EveryFailureIsTheSame, fails(Fault.GARBAGE)),
    (broken.AddsAField, lambda edge: suite.test_everybody_fits_the_schema(edge, CASE)),
    (broken.LeavesAFieldOut, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
    (broken.CountsInFloats, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
    (broken.SmugglesThePersonIn, lambda edge: suite.test_only_the_asked_fields_leave(edge, CASE)),
    (broken.AsksTwice, lambda edge: suite.test_a_repeated_request_asks_the_agency_once(edge, CASE)),
    (broken.RemembersTheLast, fails(Fault.SLOW)),
    (broken.WaitsForEver, lambda edge: suite.test_a_present_record_arrives_complete_and_signed(edge, CASE)),
    (
        broken.BlocksTheProcess,
        lambda edge: suite.test_reads_do_not_queue_behind_a_half_dead_agency(edge, CASE, Fault.SLOW),
    ),
]
ELSEWHERE: list[tuple[str, type[Honest], type[Honest], Run]] = [
    (
        UTILITIES,
        broken.ReadsTheFirstPageOnly,
        HonestPayer,
        lambda edge: paged.test_a_long_record_arrives_whole(edge, BILLS),
    ),
    *(
        (
            UTILITIES,
            kind,
            HonestPayer,
            lambda edge, fault=fault: paged.test_pages_that_are_no_whole_are_told_apart(edge, BILLS, fault),
        )
        for kind, fault in (
            (broken.BelievesEveryPage, PageFault.REPEATS),
            (broken.BelievesEveryPage, PageFault.CHANGES),
            (broken.BelievesEveryPage, PageFault.LOSES),
            (broken.ReadsTheFirstPageOnly, PageFault.ENDLESS),
        )
    ),
    (
        BUREAU,
        broken.ForgetsItsTicket,
        Honest,
        lambda edge: later.test_a_request_that_waits_long_asks_once(edge, REPORT),
    ),
    (POLICE, broken.FreshOrderEveryTime, HonestPayer, open_end(Fault.CUT)),
    (POLICE, broken.SilenceIsSuccess, HonestPayer, open_end(Fault.SLOW)),
    (POLICE, broken.SilenceIsRejection, HonestPayer, open_end(Fault.STALLED)),
    (POLICE, broken.CallsEveryFailureAClosedDoor, HonestPayer, open_end(Fault.CUT)),
    (
        POLICE,
        broken.PaysWhateverIsOwed,
        HonestPayer,
        lambda edge: acting.test_a_rejection_is_an_answer_and_given_back(payer(edge)),
    ),
    (
        POLICE,
        broken.RejectionIsAnError,
        HonestPayer,
        lambda edge: acting.test_a_rejection_is_an_answer_and_given_back(payer(edge)),
    ),
    (
        POLICE,
        broken.LosesTheReceipt,
        HonestPayer,
        lambda edge: acting.test_an_action_is_done_once_and_its_result_sealed_and_signed(payer(edge)),
    ),
]
EVERYWHERE = [*((HOUSING_FUND, kind, Honest, run) for kind, run in READING), *ELSEWHERE]
NAMES = [f"{number}-{kind.__name__}" for number, (_, kind, _, _) in enumerate(EVERYWHERE)]


@pytest.mark.parametrize(("package", "kind", "honest", "run"), EVERYWHERE, ids=NAMES)
async def test_a_broken_connector_is_caught(
    tmp_path: Path, package: str, kind: type[Honest], honest: type[Honest], run: Run
) -> None:
    async with running_edge(package, tmp_path, kind) as edge:
        with pytest.raises(CAUGHT):
            await run(edge)


@pytest.mark.parametrize(("package", "kind", "honest", "run"), EVERYWHERE, ids=NAMES)
async def test_the_honest_one_passes_the_same_test(
    tmp_path: Path, package: str, kind: type[Honest], honest: type[Honest], run: Run
) -> None:
    async with running_edge(package, tmp_path, honest) as edge:
        await run(edge)


LEAKING = [
    broken.LogsThePerson,
    broken.PrintsTheSecret,
    broken.QuotesThePersonInAnError,
    broken.HidesTheSecretInTheCause,
    broken.ShowsTheSecretInItsFields,
    broken.TellsTheSecretWhenChecked,
]


@pytest.mark.parametrize("kind", LEAKING, ids=lambda kind: kind.__name__)
async def test_a_connector_that_tells_people_or_secrets_is_caught(
    tmp_path: Path, kind: type[Honest], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_edge(HOUSING_FUND, tmp_path, kind) as edge:
        with pytest.raises(AssertionError):
            await suite.test_nothing_personal_and_no_secret_is_logged(edge, CASE, caplog, capsys)


async def test_a_connector_that_tells_nothing_passes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_edge(HOUSING_FUND, tmp_path, Honest) as edge:
        await suite.test_nothing_personal_and_no_secret_is_logged(edge, CASE, caplog, capsys)


async def test_a_connector_that_logs_payments_is_caught(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running_edge(POLICE, tmp_path, broken.LogsThePayment) as edge:
        with pytest.raises(AssertionError):
            await acting.test_nothing_personal_and_no_parameter_is_logged(payer(edge), caplog)


async def test_a_connector_that_misjudges_an_absent_agency_is_caught(tmp_path: Path) -> None:
    misjudging = suite_of(HOUSING_FUND, CASE)
    async with running_edge(HOUSING_FUND, tmp_path) as edge:
        await misjudging.test_an_agency_that_is_not_there_is_unavailable(edge, CASE)
        misjudging.wrap = broken.CallsAnAbsentAgencyRefusing  # type: ignore[method-assign,assignment]
        with pytest.raises(AssertionError):
            await misjudging.test_an_agency_that_is_not_there_is_unavailable(edge, CASE)


async def test_a_connector_that_declares_other_datasets_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="other datasets"):
        async with running_edge(HOUSING_FUND, tmp_path, broken.DeclaresLess):
            pass


async def test_a_connector_that_does_not_act_as_its_manifest_says_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="other actions"):
        async with running_edge(POLICE, tmp_path, Honest):
            pass


def test_every_fault_has_a_code() -> None:
    assert set(FAULT_CODES) == set(Fault)
    assert set(PAGE_FAULT_CODES) == set(PageFault)


def test_enough_connectors_are_broken() -> None:
    kinds = {kind for kind in vars(broken).values() if isinstance(kind, type) and issubclass(kind, Honest)}
    used = {kind for _, kind, _, _ in EVERYWHERE} | set(LEAKING)
    used |= {Honest, HonestPayer, broken.DeclaresLess, broken.LogsThePayment, broken.CallsAnAbsentAgencyRefusing}
    assert kinds == used and len(kinds) >= 30


@pytest.mark.parametrize(
    ("name", "change"), [("balance_fen", {"x-mask": "none"}), ("account_status", {"x-class": "C3"})]
)
def test_a_field_that_screens_would_show_openly_is_caught(name: str, change: dict[str, str]) -> None:
    [honest] = load_manifest(HOUSING_FUND).datasets
    assert unmasked(honest) == []
    schema = {**honest.json_schema, "properties": dict(honest.json_schema["properties"])}
    schema["properties"][name] = {**schema["properties"][name], **change}
    assert unmasked(DatasetSpec.model_validate(honest.model_dump(by_alias=True) | {"schema": schema})) == [name]
