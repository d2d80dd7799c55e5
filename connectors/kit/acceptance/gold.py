"""Gold: the connector stands agencies that are half dead, far away, slow to decide or careless with their pages."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.acceptance.cases import DatasetCase
from connectors.kit.acceptance.edge import TIMEOUT_MS, Edge
from connectors.kit.acceptance.silver import SilverAcceptance
from connectors.kit.contract import CheckOutcome, UpstreamUnavailable
from connectors.kit.manifest import Tier
from connectors.kit.plugin import build_connector
from connectors.kit.sandbox_server import Fault, PageFault

PAGE_FAULT_CODES = {
    PageFault.REPEATS: "PROVIDER_FAULT",
    PageFault.LOSES: "PROVIDER_FAULT",
    PageFault.ENDLESS: "PROVIDER_FAULT",
    PageFault.CHANGES: "PROVIDER_UNAVAILABLE",
}
# Nothing listens on the discard port.
_NOBODY = "http://127.0.0.1:9"
_AT_A_TIME = 12


class GoldAcceptance(SilverAcceptance):
    """Inherit as `SilverAcceptance`; beside `ActionAcceptance` when the connector acts."""

    tier: Tier = "gold"

    @pytest.mark.parametrize("fault", PAGE_FAULT_CODES, ids=lambda fault: fault.value)
    async def test_pages_that_are_no_whole_are_told_apart(
        self, edge: Edge, case: DatasetCase, fault: PageFault
    ) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=1)
        request = edge.request(device, artefact)
        edge.upstream.faults.page = fault
        if self.traits.in_pages:
            with pytest.raises(HuilianError) as refusal:
                await edge.service.read(request)
            assert refusal.value.code == PAGE_FAULT_CODES[fault]
            edge.upstream.faults.page = None
        # An agency that does not page knows no such fault; every other one recovers from it.
        await edge.service.read(request)
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    async def test_a_long_record_arrives_whole(self, edge: Edge, case: DatasetCase) -> None:
        data = (await edge.read(case.present, case.dataset))["data"]
        assert {name: len(data[name]) for name in case.rows} == case.rows
        assert case.rows or not self.traits.in_pages

    async def test_an_agency_that_is_not_there_is_unavailable(self, edge: Edge, case: DatasetCase) -> None:
        async with AsyncExitStack() as stack:
            context = replace(edge.upstream.context, upstream_url=_NOBODY)
            connector = self.wrap(await build_connector(self.package, context, stack))
            assert (await connector.check()).outcome is CheckOutcome.RETRY
            with pytest.raises(UpstreamUnavailable):
                await connector.read(edge.query(case.present, case.dataset))

    @pytest.mark.parametrize("fault", [Fault.SLOW, Fault.STALLED], ids=lambda fault: fault.value)
    async def test_reads_do_not_queue_behind_a_half_dead_agency(
        self, edge: Edge, case: DatasetCase, fault: Fault
    ) -> None:
        edge.upstream.faults.active = fault
        requests = [edge.request(*edge.grant(case.present, case.dataset)) for _ in range(_AT_A_TIME)]
        started = time.monotonic()
        outcomes = await asyncio.gather(*map(edge.service.read, requests), return_exceptions=True)
        assert {getattr(outcome, "code", "") for outcome in outcomes} == {"PROVIDER_TIMEOUT"}
        # One time limit with its slack, and room for a busy machine; one after the other would take twelve.
        assert time.monotonic() - started < 6 * TIMEOUT_MS / 1_000

    async def test_a_request_that_waits_long_asks_once(self, edge: Edge, case: DatasetCase) -> None:
        edge.upstream.faults.polls_until_ready = 10**9
        device, artefact = edge.grant(case.present, case.dataset, max_reads=1)
        request = edge.request(device, artefact)
        if self.traits.later:
            with pytest.raises(HuilianError, match="PROVIDER_TIMEOUT"):
                await edge.service.read(request)
        risen = await edge.killed_and_restarted(self.wrap)
        edge.upstream.faults.polls_until_ready = 0
        await risen.service.read(request)
        assert edge.upstream.faults.queries == 1
        assert risen.store.used_reads(artefact.id, case.dataset) == 1
        await risen.close()
