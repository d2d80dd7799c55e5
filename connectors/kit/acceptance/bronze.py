"""Bronze: the connector reads what it says, says when there is nothing, and gives nothing that was not asked for."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio
from huilian_protocol.answer import verify_answer
from huilian_protocol.artefact import Period
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.jose import thumbprint
from huilian_protocol.sealing import Suite
from jsonschema import Draft202012Validator

from connectors.kit.acceptance.cases import DatasetCase, Traits
from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.world import NOW, PERIOD, open_answer
from connectors.kit.compatibility import folder_of
from connectors.kit.contract import CheckOutcome, Connector, Presence, Query, Subject
from connectors.kit.manifest import DatasetSpec, Tier
from connectors.kit.months import Period as Months
from connectors.kit.sandbox_people import people_of_every_kind
from connectors.kit.schema import PayloadSchemas

_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])\Z")
_CJK = re.compile("[一-鿿]")


class BronzeAcceptance:
    """Inherit, name the package, give one case per dataset."""

    package: str
    cases: tuple[DatasetCase, ...]
    traits = Traits()
    tier: Tier = "bronze"

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

    async def test_the_manifest_claims_no_higher_tier_and_the_readme_shows_it(self, edge: Edge) -> None:
        claimed, tiers = edge.upstream.manifest.tier, get_args(Tier)
        assert tiers.index(claimed) <= tiers.index(self.tier)
        assert f"Tier: {claimed}" in (folder_of(self.package) / "README.md").read_text("utf-8")

    async def test_there_is_a_case_for_every_dataset(self, edge: Edge) -> None:
        declared = {dataset.id for dataset in edge.upstream.manifest.datasets}
        assert declared == edge.service.connector.discover() == {case.dataset for case in self.cases}

    async def test_schemas_are_schemas_and_every_field_is_described(self, edge: Edge) -> None:
        for dataset in edge.upstream.manifest.datasets:
            Draft202012Validator.check_schema(dataset.json_schema)
            for spec in dataset.fields.values():
                assert _CJK.search(spec.title_zh) and not _CJK.search(spec.title_en)

    async def test_what_tells_about_a_person_is_masked_on_screens(self, edge: Edge) -> None:
        assert {dataset.id: unmasked(dataset) for dataset in edge.upstream.manifest.datasets if unmasked(dataset)} == {}

    async def test_check_says_ready(self, edge: Edge) -> None:
        assert (await edge.service.connector.check()).outcome is CheckOutcome.READY

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

    async def test_a_record_is_sealed_in_every_suite(self, edge: Edge, case: DatasetCase, tmp_path: Path) -> None:
        for suite in Suite:
            other = edge.in_suite(suite, tmp_path / suite.value, self.wrap)
            try:
                device, artefact = other.grant(case.present, case.dataset)
                request = other.request(device, artefact)
                answer = await other.service.read(request)
            finally:
                await other.close()
            assert {_suite_of(answer.envelope), _suite_of(request.sealed_subject)} == {suite}
            assert open_answer(other.world.recipient, artefact, request, answer)["status"] == "present"

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
        if all(field.time == "as_of" for field in spec.fields.values()):
            return
        # Values of the period must follow it, else they told about months that were not asked for.
        assert within != {name: whole[name] for name in within}


def _suite_of(envelope: bytes) -> Any:
    value = parse_canonical(envelope)
    assert isinstance(value, dict)
    return value["suite"]


def _months_in(value: Any) -> set[str]:
    """Every text anywhere inside that is written like a month."""
    if isinstance(value, str):
        return {value} if _MONTH.match(value) else set()
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*(_months_in(item) for item in value)) if isinstance(value, list) else set()


def unmasked(dataset: DatasetSpec) -> list[str]:
    """Fields that a screen would show openly and should not: any of class C3; of C2 money and texts."""
    telling = {"fen", "text"}
    return [
        name
        for name, spec in dataset.fields.items()
        if spec.mask == "none" and (spec.data_class == "C3" or (spec.data_class == "C2" and spec.unit in telling))
    ]
