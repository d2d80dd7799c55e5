"""`python -m connectors.core_enterprise.tryton`: serves one enterprise's Tryton to hubs until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from huilian.connector.v1 import erp_connector_service_pb2_grpc

from connectors.core_enterprise.tryton.connector import TrytonConnector
from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.rpc import ErpConnectorServicer
from connectors.core_enterprise.tryton.settings import TrytonSettings
from connectors.kit.process import run_process
from connectors.kit.server import EdgeServer


@asynccontextmanager
async def edge_server(settings: TrytonSettings) -> AsyncIterator[EdgeServer]:
    """The server, ready to start, with its connection to Tryton."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        client = _client(http, settings, settings.tryton_user, settings.password())
        accountant = None
        if settings.tryton_payment_user:
            accountant = _client(http, settings, settings.tryton_payment_user, settings.payment_password())
        server = EdgeServer(settings)
        servicer = ErpConnectorServicer(TrytonConnector(client, manifest(), accountant))
        erp_connector_service_pb2_grpc.add_ErpConnectorServiceServicer_to_server(servicer, server.grpc)
        yield server


def _client(http: aiohttp.ClientSession, settings: TrytonSettings, user: str, password: str) -> TrytonClient:
    return TrytonClient(
        http,
        base_url=settings.tryton_url,
        database=settings.tryton_database,
        user=user,
        password=password,
        timeout_s=manifest().timeout_ms / 1_000,
    )


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    async with edge_server(TrytonSettings.from_environment()) as server:
        await server.serve()


if __name__ == "__main__":
    sys.exit(run_process("tryton connector", run))
