"""The acceptance suite. A connector passes by inheriting it:

    class TestTax(ConnectorAcceptance):
        package = "connectors.gov_data.tax"
        cases = (DatasetCase("tax.personal_income/v1", present=DEMO_BORROWER, absent=DEMO_NO_ACCOUNT),)

What it asks: the connector keeps its protocol honest and tells failures apart; the edge around it gives away nothing
that was not granted. Refusals of consents are in `refusals.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.answer import verify_answer
from huilian_protocol.artefact import Period
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from jsonschema import Draft202012Validator

from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.world import NOW, PERIOD
from connectors.kit.contract import CheckOutcome, Connector, Presence, Query, Subject
from connectors.kit.months import Period as Months
from connectors.kit.sandbox_people import Person, people_of_every_kind
from connectors.kit.sandbox_server import Fault, PageFault
from connectors.kit.schema import PayloadSchemas

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])\Z")
_CJK = re.compile("[一-鿿]")
FAULT_CODES = {
    Fault.DOWN: "PROVIDER_UNAVAILABLE",
    Fault.REFUSES: "PROVIDER_UNAVAILABLE",
    Fault.SLOW: "PROVIDER_TIMEOUT",
    Fault.STALLED: "PROVIDER_TIMEOUT",
    Fault.CUT: "PROVIDER_FAULT",
    Fault.GARBAGE: "PROVIDER_FAULT",
    Fault.HUGE: "PROVIDER_FAULT",
    Fault.WRONG_PERSON: "PROVIDER_FAULT",
    Fault.BROKEN_SCHEMA: "PROVIDER_FAULT",
}
PAGE_FAULT_CODES = {
    PageFault.REPEATS: "PROVIDER_FAULT",
    PageFault.LOSES: "PROVIDER_FAULT",
    PageFault.ENDLESS: "PROVIDER_FAULT",
    PageFault.CHANGES: "PROVIDER_UNAVAILABLE",
}
FAULT_OUTCOMES = {
    Fault.DOWN: CheckOutcome.RETRY,
    Fault.SLOW: CheckOutcome.RETRY,
    Fault.REFUSES: CheckOutcome.REAUTHENTICATE,
    Fault.GARBAGE: CheckOutcome.GIVE_UP,
}


@dataclass(frozen=True)
class DatasetCase:
    """A dataset with a sandbox person who has a record and one who has none."""

    dataset: str
    present: Person
    absent: Person


class ConnectorAcceptance:
    """Inherit, name the package, give one case per dataset."""

    package: str
    cases: tuple[DatasetCase, ...]
    # An agency that publishes files is asked once for many reads.
    answers_from_a_file = False
    # An agency that answers in pages; the cases' present people must fill more than one.
    answers_in_pages = False

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run every test that takes a `case` once per dataset."""
        if "case" in metafunc.fixturenames:
            metafunc.parametrize("case", self.cases, ids=[case.dataset for case in self.cases])

    def wrap(self, connector: Connector) -> Connector:
        """The connector under test; tests of the suite itself put a broken one in its place."""
        return connector

    @pytest_asyncio.fixture
    async def edge(self, tmp_path: Path) -> AsyncIterator[Edge]:
        """A running edge with fresh keys and state."""
        async with running_edge(self.package, tmp_path, self.wrap) as edge:
            yield edge

    async def test_there_is_a_case_for_every_dataset(self, edge: Edge) -> None:
        declared = {dataset.id for dataset in edge.upstream.manifest.datasets}
        assert declared == edge.service.connector.discover() == {case.dataset for case in self.cases}

    async def test_schemas_are_schemas_and_every_field_is_described(self, edge: Edge) -> None:
        for dataset in edge.upstream.manifest.datasets:
            Draft202012Validator.check_schema(dataset.json_schema)
            for spec in dataset.fields.values():
                assert _CJK.search(spec.title_zh) and not _CJK.search(spec.title_en)

    async def test_check_says_ready(self, edge: Edge) -> None:
        assert (await edge.service.connector.check()).outcome is CheckOutcome.READY

    @pytest.mark.parametrize("fault", FAULT_OUTCOMES, ids=lambda fault: fault.value)
    async def test_check_says_what_to_do(self, edge: Edge, fault: Fault) -> None:
        edge.upstream.faults.active = fault
        assert (await edge.service.connector.check()).outcome is FAULT_OUTCOMES[fault]

    async def test_a_present_record_arrives_complete_and_signed(self, edge: Edge, case: DatasetCase) -> None:
        device, artefact = edge.grant(case.present, case.dataset)
        request = edge.request(device, artefact)
        answer = await edge.service.read(request)
        payload = await edge.read(case.present, case.dataset)
        assert payload["status"] == "present"
        assert set(payload["data"]) == set(artefact.datasets[0].fields)
        key = edge.service.keys.signing.public_key()
        verify_answer(
            answer.edge_signature,
            {thumbprint(key): key},
            request_id=request.request_id,
            consent_sha256=artefact.sha256,
            dataset=case.dataset,
            fields=request.fields,
            envelope=answer.envelope,
        )

    async def test_absence_is_said_and_carries_nothing(self, edge: Edge, case: DatasetCase) -> None:
        payload = await edge.read(case.absent, case.dataset)
        assert (payload["status"], payload["data"]) == ("no_account", {})

    async def test_everybody_fits_the_schema(self, edge: Edge, case: DatasetCase) -> None:
        schemas, seen = PayloadSchemas(edge.upstream.manifest), set()
        for person in people_of_every_kind(5):
            period = Months.parse(PERIOD.from_month, PERIOD.to_month)
            query = Query(case.dataset, Subject(person.name, person.resident_id), period, NOW)
            record = await edge.service.connector.read(query)
            schemas.check(case.dataset, record)
            seen.add(record.presence)
        assert seen == {Presence.PRESENT, Presence.NO_ACCOUNT}

    async def test_only_the_asked_fields_leave(self, edge: Edge, case: DatasetCase) -> None:
        spec = edge.upstream.manifest.dataset(case.dataset)
        assert spec is not None
        whole = (await edge.read(case.present, case.dataset))["data"]
        for name in spec.fields:
            payload = await edge.read(case.present, case.dataset, (name,))
            assert payload["data"] == {name: whole[name]}
            assert case.present.name not in json.dumps(payload, ensure_ascii=False)
            assert case.present.resident_id not in json.dumps(payload)

    async def test_only_the_asked_months_leave(self, edge: Edge, case: DatasetCase) -> None:
        spec = edge.upstream.manifest.dataset(case.dataset)
        assert spec is not None
        months = {str(month) for month in Months.parse("2026-02", "2026-04")}
        data = (await edge.read(case.present, case.dataset, period=Period("2026-02", "2026-04")))["data"]
        within = {name: value for name, value in data.items() if spec.fields[name].time == "period"}
        assert _months_in(within) <= months
        whole = (await edge.read(case.present, case.dataset))["data"]
        # Values of the period must follow it, else they told about months that were not asked for.
        assert within != {name: whole[name] for name in within}

    @pytest.mark.parametrize("fault", FAULT_CODES, ids=lambda fault: fault.value)
    async def test_failures_are_told_apart_and_cost_nothing(self, edge: Edge, case: DatasetCase, fault: Fault) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=1)
        edge.upstream.faults.active = fault
        request = edge.request(device, artefact)
        with pytest.raises(HuilianError) as refusal:
            await edge.service.read(request)
        assert refusal.value.code == FAULT_CODES[fault]
        assert edge.store.used_reads(artefact.id, case.dataset) == 0
        edge.upstream.faults.active = None
        await edge.service.read(request)
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    @pytest.mark.parametrize("fault", PAGE_FAULT_CODES, ids=lambda fault: fault.value)
    async def test_pages_that_are_no_whole_are_told_apart(
        self, edge: Edge, case: DatasetCase, fault: PageFault
    ) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=1)
        request = edge.request(device, artefact)
        edge.upstream.faults.page = fault
        if self.answers_in_pages:
            with pytest.raises(HuilianError) as refusal:
                await edge.service.read(request)
            assert refusal.value.code == PAGE_FAULT_CODES[fault]
            edge.upstream.faults.page = None
        # An agency that does not page knows no such fault; every other one recovers from it.
        await edge.service.read(request)
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    async def test_a_repeated_request_asks_the_agency_once(self, edge: Edge, case: DatasetCase) -> None:
        device, artefact = edge.grant(case.present, case.dataset)
        request = edge.request(device, artefact)
        together = await asyncio.gather(*(edge.service.read(request) for _ in range(5)))
        assert {await edge.service.read(request), *together} == {together[0]}
        assert edge.upstream.faults.queries == 1
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    async def test_a_race_gets_exactly_the_granted_reads(self, edge: Edge, case: DatasetCase) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=3)
        requests = [edge.request(device, artefact) for _ in range(12)]
        outcomes = await asyncio.gather(*map(edge.service.read, requests), return_exceptions=True)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, HuilianError)]
        assert {refusal.code for refusal in refusals} == {"CONSENT_EXHAUSTED"}
        assert len(outcomes) - len(refusals) == 3
        assert edge.upstream.faults.queries == (1 if self.answers_from_a_file else 3)

    async def test_nothing_personal_and_no_secret_is_logged(
        self, edge: Edge, case: DatasetCase, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        shown = [repr(edge.upstream.context), repr(edge.service.__dict__)]
        for fault in (None, *FAULT_CODES):
            edge.upstream.faults.active = fault
            device, artefact = edge.grant(case.present, case.dataset)
            try:
                await edge.service.read(edge.request(device, artefact))
            except HuilianError as error:
                shown += [str(error), repr(error), error.detail]
        text = caplog.text + "".join(shown) + "".join(str(record.__dict__) for record in caplog.records)
        assert case.present.name not in text and case.present.resident_id not in text
        for secret in _secrets(edge):
            assert secret not in text


def _secrets(edge: Edge) -> list[str]:
    credentials = edge.upstream.context.credentials
    return [value for name, value in vars(credentials)["_values"].items() if "id" not in name]


def _months_in(value: Any) -> set[str]:
    """Every text anywhere inside that is written like a month."""
    if isinstance(value, str):
        return {value} if _MONTH.match(value) else set()
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*(_months_in(item) for item in value)) if isinstance(value, list) else set()
