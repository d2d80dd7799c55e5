"""From the person's tap to the agency's refusal: over the hub's real mTLS port and stream into a real edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.consent.v1 import consent_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.status import from_rpc_error

from connectors.kit.revocations import RevocationFollower
from deploy.pki import SitePki, TlsFiles
from hub.consent.rpc import ConsentServicer
from hub.platform.admission import Admission
from hub.platform.idempotency import Idempotency
from hub.platform.interceptors import Edge
from hub.platform.server import HubServer
from hub.platform.tokens import TokenVerifier
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, YEAR, Exchange


class NoRevokedTokens:
    """The port `TokenRevocations`."""

    async def is_revoked(self, token_id: str) -> bool:
        return False


@asynccontextmanager
async def hub_port(exchange: Exchange, pki: SitePki) -> AsyncIterator[int]:
    """The hub's partner port with the consent service behind its real door."""
    files, key = pki.issue("hub"), exchange.world.hub_key.public_key()
    verifier = TokenVerifier({thumbprint(key): key}, "hub", exchange.clock)
    server = HubServer(Edge(Admission(verifier, NoRevokedTokens())), files, "127.0.0.1:0", "127.0.0.1:0")
    idempotency = Idempotency(exchange.database, exchange.clock)
    servicer = ConsentServicer(exchange.consents, exchange.service.catalogue, idempotency)
    server.serve(servicer)
    stop = asyncio.Event()
    ending = asyncio.create_task(exchange.consents.revocations.run(stop))
    await server.start()
    try:
        yield server.partner_port
    finally:
        stop.set()
        await asyncio.gather(ending, server.stop())


def channel_to(port: int, files: TlsFiles) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(
        files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
    )
    return grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials)


@asynccontextmanager
async def following(exchange: Exchange, channel: grpc.aio.Channel) -> AsyncIterator[None]:
    """The edge follows the hub's revocations, as its process does."""
    edge, service = exchange.edge, exchange.edge.service
    follower = RevocationFollower(channel, edge.copy, service.learn, service.notice_cursor, edge.resumption)
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ask_edge(exchange: Exchange, number: int) -> str:
    """What a hub that forwards everything gets: the connector called directly with the hub's own certificate."""
    consent = await exchange.consents.find(CONSENT)
    request = pb.ReadRequest(
        request_id=f"forwarded-{number:06d}",
        signed_consent=consent.signed,
        dataset_id=DATASET,
        fields=FIELDS,
        period={"from_month": YEAR.from_month, "to_month": YEAR.to_month},
        sealed_subject=await exchange.consents.sealed_subject(CONSENT, "housing_fund"),
        recipient_public_key=exchange.world.recipient_key("bank.lending").public_key,
    )
    async with exchange.edge.channel() as channel:
        try:
            await connector_service_pb2_grpc.ConnectorServiceStub(channel).Read(request, timeout=5)
        except grpc.aio.AioRpcError as error:
            return from_rpc_error(error).code
    return "DELIVERED"


async def test_the_edge_refuses_soon_after_the_revocation(exchange: Exchange, tmp_path: Path) -> None:
    pki = SitePki(tmp_path / "site", datetime.now(UTC))
    await exchange.grant(max_reads=24)
    async with (
        hub_port(exchange, pki) as port,
        channel_to(port, pki.issue("connector.housing_fund")) as channel,
        following(exchange, channel),
    ):
        assert await ask_edge(exchange, 1) == "DELIVERED"
        await exchange.revoke()
        code = "DELIVERED"
        for number in range(2, 24):
            code = await ask_edge(exchange, number)
            if code != "DELIVERED":
                break
            # The quota must outlast a busy machine; how soon it is, `make bench` measures.
            await asyncio.sleep(0.1)
        assert code == "CONSENT_REVOKED"


async def test_only_connectors_follow_revocations(exchange: Exchange, tmp_path: Path) -> None:
    pki = SitePki(tmp_path / "site", datetime.now(UTC))
    codes: Mapping[str, str] = {"channel.mini_program_api": "PERMISSION_DENIED", "stranger": "UNAUTHENTICATED"}
    async with hub_port(exchange, pki) as port:
        for name, code in codes.items():
            async with channel_to(port, pki.issue(name)) as channel:
                stub = consent_service_pb2_grpc.ConsentServiceStub(channel)
                call = stub.WatchRevocations(consent_pb.WatchRevocationsRequest(cursor=0), timeout=5)
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call.read()
                refusal: HuilianError = from_rpc_error(refused.value)
                assert refusal.code == code, name
