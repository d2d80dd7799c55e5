"""A real edge (the connector kit before a sandbox agency) behind a local mTLS port, for tests of the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.sealing import Suite
from huilian_protocol.tls import RenewedChannel
from huilian_protocol.trust import TrustAnchors

from connectors.kit.acceptance.upstream import Upstream, running_upstream
from connectors.kit.action_store import ActionStore
from connectors.kit.action_verification import ActionVerifier
from connectors.kit.actions import ActionService
from connectors.kit.keys import EdgeKeys, load_edge_keys
from connectors.kit.revocations import RevocationCopy, VerifyResumption
from connectors.kit.rpc import ConnectorServicer
from connectors.kit.server import EdgeServer
from connectors.kit.service import EdgeService
from connectors.kit.settings import TlsSettings
from connectors.kit.store import EdgeStore
from connectors.kit.verification import ReadVerifier
from deploy.pki import SitePki, TlsFiles

HOUSING_FUND = "connectors.gov_data.housing_fund"


@dataclass
class RunningEdge:
    """An edge that listens; its revocations are told by the test."""

    target: str
    pki: SitePki
    hub_tls: TlsFiles
    service: EdgeService
    upstream: Upstream
    keys: EdgeKeys
    copy: RevocationCopy
    actions: ActionService
    resumption: VerifyResumption

    def channel(self) -> grpc.aio.Channel:
        """A channel with the hub's own certificate, as the hub makes them."""
        return RenewedChannel(self.target, self.hub_tls)


@asynccontextmanager
async def running_edge(
    trust: TrustAnchors | Callable[[], TrustAnchors],
    clock: Clock,
    folder: Path,
    package: str = HOUSING_FUND,
    suite: Suite = Suite.XWING,
) -> AsyncIterator[RunningEdge]:
    """Serve one agency's edge on a free port of 127.0.0.1, fresh as of now."""
    pki = SitePki(folder / "pki", datetime.now(UTC))
    async with running_upstream(package, clock) as upstream:
        keys, copy = load_edge_keys(folder, suite), RevocationCopy(clock, timedelta(days=365))
        copy.confirm(clock.now())
        verifier = ReadVerifier(upstream.manifest, trust, keys.opening_key, clock)
        store = EdgeStore(folder / "edge.sqlite3")
        service = EdgeService(upstream.manifest, upstream.connector, verifier, store, copy, keys, clock, 3.0)
        judge = ActionVerifier(upstream.manifest, verifier, keys.opening_key)
        actions = ActionService(service, judge, ActionStore(store), copy, clock, 3.0)
        server = EdgeServer(_settings(pki.issue("edge")))
        servicer = ConnectorServicer(service, actions)
        connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server(servicer, server.grpc)
        await server.grpc.start()
        try:
            target = f"127.0.0.1:{server.port}"
            served = (service, upstream, keys, copy, actions, verifier.resumption)
            yield RunningEdge(target, pki, pki.issue("hub"), *served)
        finally:
            await server.grpc.stop(0)
            await actions.close()
            await service.close()


def _settings(files: TlsFiles) -> TlsSettings:
    return TlsSettings(
        listen="127.0.0.1:0",
        tls_certificate_file=files.certificate,
        tls_key_file=files.key,
        tls_ca_file=files.ca,
        allowed_clients="hub",
    )
