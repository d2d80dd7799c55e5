"""The hub's side of a connector: whose fault it is, and what the catalogue says while one is away."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import public_key_to_jwk, thumbprint
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair
from huilian_protocol.trust import TrustedAgency

from hub.consent.rules import Dataset
from hub.exchange import catalogue as catalogue_module
from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.resilience import Limits, NotSent
from hub.platform.channels import RECONNECT
from tests.conftest import START
from tests.unit.protocol.world import TRUST

EDGE = ec.generate_private_key(ec.SECP256R1()).public_key()
KEY = json.dumps(public_key_to_jwk(EDGE))
SEALING = SealingKey(Suite.X25519, generate_keypair(Suite.X25519).public)


class Agency(connector_service_pb2_grpc.ConnectorServiceServicer):
    """A connector that fails the way it is told."""

    def __init__(self, agency: str = "tax", dataset: str = "tax.personal_income/v1", owner: str = "tax") -> None:
        self.dataset, self.owner, self.sandbox = dataset, owner, False
        self.agency, self.status, self.asked, self.is_up = agency, grpc.StatusCode.UNAVAILABLE, 0, True

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
        if not self.is_up:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        dataset = pb.Dataset(dataset_id=self.dataset, agency_id=self.owner, fields=[pb.Field(name="income_fen")])
        return pb.DescribeResponse(
            agency_id=self.agency,
            datasets=[dataset],
            edge_signing_key_jwk=KEY,
            sealing_suite=SEALING.suite,
            sealing_public_key=SEALING.public_key,
            sandbox=self.sandbox,
        )

    async def Read(self, request: pb.ReadRequest, context: Any) -> pb.ReadResponse:
        self.asked += 1
        await context.abort(self.status, "as told")


@asynccontextmanager
async def listening(agency: Agency, *, takes_sandbox: bool = True) -> AsyncIterator[Connector]:
    server = grpc.aio.server()
    connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(agency, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    limits = Limits(deadline_s=2, describe_deadline_s=2)
    connector = Connector("tax", channel, FixedClock(START), limits, takes_sandbox=takes_sandbox)
    try:
        yield connector
    finally:
        await connector.close()
        await server.stop(0)


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE", 2),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "PROVIDER_TIMEOUT", 1),
        (grpc.StatusCode.UNKNOWN, "PROVIDER_FAULT", 1),
        (grpc.StatusCode.INTERNAL, "PROVIDER_FAULT", 1),
        (grpc.StatusCode.UNAUTHENTICATED, "PROVIDER_FAULT", 1),
        (grpc.StatusCode.PERMISSION_DENIED, "PROVIDER_FAULT", 1),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", 1),
    ],
)
async def test_a_bare_failure_is_the_providers(status: grpc.StatusCode, code: str, asked: int) -> None:
    agency = Agency()
    agency.status = status
    async with listening(agency) as connector:
        with pytest.raises(HuilianError) as refusal:
            await connector.read(pb.ReadRequest())
    assert (refusal.value.code, agency.asked) == (code, asked)


async def test_a_connector_that_is_gone_is_unavailable() -> None:
    connector = Connector("tax", grpc.aio.insecure_channel("127.0.0.1:1"), FixedClock(START), Limits(deadline_s=2))
    with pytest.raises(HuilianError) as refusal:
        await connector.read(pb.ReadRequest())
    assert refusal.value.code == "PROVIDER_UNAVAILABLE"
    catalogue = Catalogue([connector])
    assert await catalogue.offer("tax.personal_income/v1") is None
    assert catalogue.missing() == ("tax",)
    with pytest.raises(HuilianError) as refusal:
        await catalogue.datasets(["tax.personal_income/v1"])
    assert refusal.value.code == "PROVIDER_UNAVAILABLE"
    assert await catalogue.datasets(["police.fines/v1"]) == {}
    await connector.close()


async def test_who_calls_while_the_hub_starts_waits_for_a_connector_that_starts_too() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    connector = Connector("tax", grpc.aio.insecure_channel(f"127.0.0.1:{port}", RECONNECT), FixedClock(START))
    catalogue = Catalogue([connector])
    await catalogue.begin()
    asked = asyncio.create_task(catalogue.datasets(["tax.personal_income/v1"]))
    await asyncio.sleep(0.3)
    assert not asked.done()
    server = grpc.aio.server()
    connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(Agency(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    assert set(await asked) == {"tax.personal_income/v1"} and catalogue.missing() == ()
    await catalogue.close()
    await connector.close()
    await server.stop(None)


async def test_the_first_round_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "FIRST_ROUND_S", 0.2)
    connector = Connector("tax", grpc.aio.insecure_channel("127.0.0.1:1"), FixedClock(START))
    catalogue = Catalogue([connector])
    await catalogue.begin()
    with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
        await catalogue.datasets(["tax.personal_income/v1"])
    again = Catalogue([connector])
    await again.begin()
    await again.close()
    await connector.close()


async def test_the_catalogue_keeps_what_it_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "FRESH_S", 0.0)
    agency = Agency()
    async with listening(agency) as connector:
        catalogue = Catalogue([connector])
        known = await catalogue.datasets(["tax.personal_income/v1", "tax.nothing/v1"])
        assert known == {"tax.personal_income/v1": Dataset("tax.personal_income/v1", "tax", frozenset({"income_fen"}))}
        agency.is_up = False
        offer = await catalogue.offer("tax.personal_income/v1")
        assert offer is not None and offer.connector is connector and catalogue.missing() == ()


@pytest.mark.parametrize(
    "change", [{"agency": "housing_fund"}, {"dataset": "housing_fund.account/v1"}, {"owner": "housing_fund"}]
)
async def test_a_connector_speaks_for_its_own_agency_only(change: dict[str, str]) -> None:
    async with listening(Agency(**change)) as connector:
        with pytest.raises(HuilianError) as refusal:
            await connector.describe()
        assert refusal.value.code == "PROVIDER_FAULT"
        assert await Catalogue([connector]).descriptions() == ()


@pytest.mark.parametrize("takes_sandbox", [True, False])
async def test_production_takes_no_invented_data(takes_sandbox: bool) -> None:
    agency = Agency()
    agency.sandbox = True
    async with listening(agency, takes_sandbox=takes_sandbox) as connector:
        assert len(await Catalogue([connector]).descriptions()) == takes_sandbox


async def test_an_open_circuit_is_not_asked_again() -> None:
    agency = Agency()
    async with listening(agency) as connector:
        for _ in range(3):
            with pytest.raises(HuilianError):
                await connector.read(pb.ReadRequest())
        assert agency.asked == 5
        with pytest.raises(NotSent):
            await connector.read(pb.ReadRequest())
    assert agency.asked == 5


@pytest.mark.parametrize(
    ("pinned", "offered"),
    [
        ({}, True),
        ({"tax": TrustedAgency((SEALING,), {thumbprint(EDGE): EDGE})}, True),
        ({"tax": TrustedAgency((), {thumbprint(EDGE): EDGE})}, False),
        ({"tax": TrustedAgency((SEALING,), {})}, False),
        ({"housing_fund": TrustedAgency((SEALING,), {thumbprint(EDGE): EDGE})}, False),
    ],
)
async def test_only_pinned_keys_are_offered(pinned: dict[str, TrustedAgency], offered: bool) -> None:
    async with listening(Agency()) as connector:
        catalogue = Catalogue([connector], lambda: replace(TRUST, agencies=pinned))
        assert len(await catalogue.descriptions()) == offered
        assert catalogue.missing() == (() if offered else ("tax",))
