"""A real edge (the connector kit before a sandbox agency) behind a local gRPC port, for tests of the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
from connectors.kit.acceptance.upstream import RunningUpstream, running_upstream
from connectors.kit.keys import EdgeKeys, load_edge_keys
from connectors.kit.revocations import RevocationCopy
from connectors.kit.rpc import ConnectorServicer
from connectors.kit.server import ErrorInterceptor
from connectors.kit.service import EdgeService
from connectors.kit.store import EdgeStore
from connectors.kit.verification import ReadVerifier
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.trust import TrustAnchors

HOUSING_FUND = "connectors.gov_data.housing_fund"


@dataclass
class RunningEdge:
    """An edge that listens; its revocations are told by the test."""

    target: str
    service: EdgeService
    upstream: RunningUpstream
    keys: EdgeKeys
    copy: RevocationCopy


@asynccontextmanager
async def running_edge(
    trust: TrustAnchors, clock: Clock, folder: Path, package: str = HOUSING_FUND
) -> AsyncIterator[RunningEdge]:
    """Serve one agency's edge on a free port of 127.0.0.1, fresh as of now."""
    async with running_upstream(package, clock) as upstream:
        keys, copy = load_edge_keys(folder), RevocationCopy(clock, timedelta(days=365))
        copy.confirm(clock.now())
        verifier = ReadVerifier(upstream.manifest, trust, keys.sealing.private, clock)
        store = EdgeStore(folder / "edge.sqlite3")
        service = EdgeService(upstream.manifest, upstream.connector, verifier, store, copy, keys, clock, 3.0)
        server = grpc.aio.server(interceptors=[ErrorInterceptor()])
        connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(ConnectorServicer(service), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield RunningEdge(f"127.0.0.1:{port}", service, upstream, keys, copy)
        finally:
            await server.stop(0)
            await service.close()
