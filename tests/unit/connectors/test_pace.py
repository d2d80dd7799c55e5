"""An edge protects its agency: what is too much is refused, costs nothing, and is told when to come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError

from connectors.gov_data.traffic_police.acceptance import ACTION_CASES
from connectors.kit.acceptance.actions import Payer
from connectors.kit.acceptance.edge import running_edge
from connectors.kit.pace import AgencyLimits, AgencyPace
from connectors.kit.sandbox_people import DEMO_BORROWER

PACKAGE, DATASET = "connectors.gov_data.housing_fund", "housing_fund.account/v1"


async def test_a_question_too_many_is_refused_and_not_counted(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        edge.service.pace = AgencyPace(AgencyLimits(per_minute=6, burst=1), edge.world.clock)
        device, artefact = edge.grant(DEMO_BORROWER, DATASET, max_reads=2)
        first = edge.request(device, artefact)
        await edge.service.read(first)
        second = replace(first, request_id="request-another")
        with pytest.raises(HuilianError) as refusal:
            await edge.service.read(second)
        assert (refusal.value.code, refusal.value.params) == ("RATE_LIMITED", {"retry_after_seconds": "10"})
        # What was answered before asks nobody and is given again.
        await edge.service.read(first)
        assert (edge.store.used_reads(artefact.id, DATASET), edge.upstream.faults.queries) == (1, 1)


async def test_so_many_at_once_and_no_more(tmp_path: Path) -> None:
    async with running_edge(PACKAGE, tmp_path) as edge:
        edge.service.pace = AgencyPace(AgencyLimits(at_once=2), edge.world.clock)
        requests = [edge.request(*edge.grant(DEMO_BORROWER, DATASET)) for _ in range(6)]
        outcomes = await asyncio.gather(*map(edge.service.read, requests), return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, HuilianError)]
        assert {error.code for error in refused} == {"RATE_LIMITED"}
        assert edge.upstream.faults.queries == 6 - len(refused) == 2
        await edge.service.read(requests[-1])


async def test_an_order_out_of_turn_was_not_sent_and_costs_nothing(tmp_path: Path) -> None:
    async with running_edge("connectors.gov_data.traffic_police", tmp_path) as edge:
        payer = Payer(edge, ACTION_CASES[0])
        edge.service.pace = AgencyPace(AgencyLimits(per_minute=6, burst=1), edge.world.clock)
        with edge.service.pace.question():
            pass
        artefact, request = payer.order()
        with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
            await edge.actions.act(request)
        assert payer.used(artefact) == edge.upstream.faults.acts == 0
        edge.service.pace = AgencyPace(AgencyLimits(), edge.world.clock)
        await edge.actions.act(request)
        assert payer.used(artefact) == edge.upstream.faults.acts == 1
