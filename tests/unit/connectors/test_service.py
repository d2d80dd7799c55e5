"""What the edge does when a read is interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite

from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.world import NOW
from connectors.kit.consent_status import ConsentRef, Notice
from connectors.kit.contract import Connector, Query, Record
from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.store import EdgeStore
from tests.unit.connectors.kit_edge import Gated

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"


def gate(edge: Edge) -> Gated:
    connector = edge.service.connector
    assert isinstance(connector, Gated)
    return connector


async def test_a_revocation_during_the_fetch_holds_the_answer_back(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path, Gated) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET)
        reading = asyncio.create_task(edge.service.read(edge.request(device, artefact)))
        await gate(edge).asked.wait()
        await edge.service.learn(Notice(1, artefact.id, NOW))
        gate(edge).go.set()
        with pytest.raises(HuilianError, match="CONSENT_REVOKED"):
            await reading


async def test_a_caller_that_hangs_up_finds_the_answer_later(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path, Gated) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=1)
        request = edge.request(device, artefact)
        reading = asyncio.create_task(edge.service.read(request))
        await gate(edge).asked.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        gate(edge).go.set()
        await edge.service.read(request)
        assert edge.upstream.faults.queries == 1
        assert edge.store.used_reads(artefact.id, DATASET) == 1


async def test_a_crash_during_the_fetch_stays_counted_and_only_its_own_request_resumes(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=1)
        request = edge.request(device, artefact)
        # What a process leaves behind that dies between counting and answering.
        fingerprint = replace(request, fields=tuple(sorted(request.fields))).fingerprint()
        assert edge.store.begin_read(request.request_id, fingerprint, ConsentRef.of(artefact), DATASET, 1, NOW) is None
        with pytest.raises(HuilianError, match="CONSENT_EXHAUSTED"):
            await edge.service.read(edge.request(device, artefact))
        first = await edge.service.read(request)
        assert await edge.service.read(request) == first
        assert edge.store.used_reads(artefact.id, DATASET) == 1


class Stumbling(Gated):
    """A connector with a bug that an odd answer brings out."""

    async def read(self, query: Query) -> Record:
        raise KeyError(query.subject.name)


async def test_a_stumbling_connector_is_the_providers_fault_and_tells_nothing(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path, Stumbling) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=1)
        with pytest.raises(HuilianError) as refusal:
            await edge.service.read(edge.request(device, artefact))
        assert refusal.value.code == "PROVIDER_FAULT"
        assert DEMO_BORROWER.name not in str(refusal.value)
        assert edge.store.used_reads(artefact.id, DATASET) == 0


async def test_a_key_that_does_not_fit_the_suite_is_refused_and_costs_nothing(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET)
        # The person granted an X25519 recipient, but named the id of an X-Wing key.
        artefact = replace(artefact, recipient=replace(artefact.recipient, suite=Suite.X25519))
        with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
            await edge.service.read(edge.request(device, artefact))
        assert edge.store.used_reads(artefact.id, DATASET) == 0


async def test_closing_waits_for_reads_under_way(tmp_path: Path) -> None:
    def wrap(connector: Connector) -> Connector:
        return Gated(connector)

    async with running_edge(PACKAGE, tmp_path, wrap) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET)
        request = edge.request(device, artefact)
        reading = asyncio.create_task(edge.service.read(request))
        await gate(edge).asked.wait()
        asyncio.get_running_loop().call_later(0.05, gate(edge).go.set)
    answer = await reading
    store = EdgeStore(tmp_path / "edge.sqlite3")
    stored = store.begin_read(request.request_id, request.fingerprint(), ConsentRef.of(artefact), DATASET, 3, NOW)
    assert stored is not None and answer.edge_signature.encode() in stored
    store.close()


TOGETHER = 16
# Two visits to the store, counted before the agency is asked and answered afterwards; each judges revocation, version,
# pause and the one dataset again.
STATEMENTS_OF_A_LONE_READ = 18


async def test_what_a_read_costs_the_store_alone_and_together(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path, Gated) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=TOGETHER + 1)
        statements: list[str] = []
        edge.store._connection.set_trace_callback(statements.append)
        gate(edge).go.set()
        await edge.service.read(edge.request(device, artefact))
        assert statements.count("COMMIT") == 2
        assert (
            sum("SAVEPOINT" not in text and "RELEASE" not in text for text in statements) <= STATEMENTS_OF_A_LONE_READ
        )
        gate(edge).go.clear()
        gate(edge).asked.clear()
        statements.clear()
        requests = [edge.request(device, artefact) for _ in range(TOGETHER)]
        reads = [asyncio.create_task(edge.service.read(request)) for request in requests]
        await gate(edge).asked.wait()
        assert await edge.service.memory.run(edge.store.used_reads, artefact.id, DATASET) == TOGETHER + 1
        assert statements.count("COMMIT") <= 3, "the counting of reads that come together shares its commits"
        gate(edge).go.set()
        await asyncio.gather(*reads)


async def test_nothing_leaves_in_a_suite_that_the_data_owner_does_not_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        device, artefact = edge.grant(DEMO_BORROWER, DATASET)
        monkeypatch.setitem(edge.upstream.manifest.__dict__, "suites", (Suite.SM, Suite.X25519))
        with pytest.raises(HuilianError, match="RECIPIENT_KEY_MISMATCH"):
            await edge.service.read(edge.request(device, artefact))
        assert edge.upstream.faults.queries == edge.store.used_reads(artefact.id, DATASET) == 0
        monkeypatch.setitem(edge.upstream.manifest.__dict__, "suites", (artefact.recipient.suite,))
        await edge.service.read(edge.request(device, artefact))
