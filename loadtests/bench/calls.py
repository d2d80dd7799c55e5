"""Hub unary calls over mTLS with a token ÷ a bare grpc.aio server: what admission, policy and validation cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
from google.protobuf.message import Message
from huilian.consent.v1 import consent_service_pb2 as consents
from huilian.receivables.v1 import certificate_service_pb2 as certificates
from huilian_protocol.metadata import AUTHORIZATION, BEARER

from loadtests.bench.world import CONCURRENCY, World
from loadtests.pairs import Pair, Side, concurrently

Metadata = tuple[tuple[str, str], ...]
TIMEOUT_S = 10.0
CALLS = 800


@asynccontextmanager
async def call_pairs(world: World) -> AsyncIterator[list[Pair]]:
    """One call that reads a row and one that does not, of the same enterprise."""
    supplier = world.trade.supplier
    metadata = ((AUTHORIZATION, BEARER + await world.token(supplier)),)
    reads = certificates.GetCertificateRequest(certificate_id=world.trade.certificate_ids[0])
    wanted = {
        "hub call without a query (ListPurposes)": (
            "/huilian.consent.v1.ConsentService/ListPurposes",
            consents.ListPurposesRequest(),
        ),
        "hub call that reads a row (GetCertificate)": (
            "/huilian.receivables.v1.CertificateService/GetCertificate",
            reads,
        ),
    }
    async with (
        world.partner_channel(supplier) as hub,
        grpc.aio.insecure_channel(f"127.0.0.1:{world.echo_port}") as echo,
    ):
        yield [await _pair(world, name, hub, echo, path, request, metadata) for name, (path, request) in wanted.items()]


async def _pair(
    world: World,
    name: str,
    hub: grpc.aio.Channel,
    echo: grpc.aio.Channel,
    path: str,
    request: Message,
    metadata: Metadata,
) -> Pair:
    """The call against an echo with the very same request and an answer of the same length."""
    content = request.SerializeToString()
    answer = await hub.unary_unary(path, None, None)(content, timeout=TIMEOUT_S, metadata=metadata)
    ours = _caller(hub, path, content, metadata)
    bare = _caller(echo, f"/echo/{len(answer)}", content, ())
    return Pair(
        name,
        "calls",
        Side("hub", concurrently(ours, CONCURRENCY), CALLS, pids=world.pids(world.hub.name)),
        Side("bare grpc.aio echo, no TLS", concurrently(bare, CONCURRENCY), 2 * CALLS, pids=world.pids("echo")),
    )


def _caller(
    channel: grpc.aio.Channel, path: str, content: bytes, metadata: Metadata
) -> Callable[[int], Awaitable[None]]:
    method = channel.unary_unary(path, None, None)

    async def call(_: int) -> None:
        await method(content, timeout=TIMEOUT_S, metadata=metadata)

    return call
