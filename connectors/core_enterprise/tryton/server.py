"""Serves the connector to hubs: `ErpConnectorService` over gRPC with mutual TLS, to named hubs only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

import aiohttp
import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status

from connectors.core_enterprise.tryton.connector import TrytonConnector
from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.settings import Settings
from connectors.core_enterprise.tryton.wire import to_fault, to_message
from connectors.kit.contract import UpstreamError, UpstreamMalformed, UpstreamTimeout

SERVICE = "huilian.connector.v1.ErpConnectorService"
STOP_GRACE_S = 5.0
# Kept back from the caller's deadline so that our own answer says that time ran out, not the transport.
DEADLINE_RESERVE_S = 0.02

_log = logging.getLogger("huilian.connector.tryton")
Answer = TypeVar("Answer", bound=Message)
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"


class ErpConnectorServicer(pb_grpc.ErpConnectorServiceServicer):
    """The wire side of a `TrytonConnector`: proto in, proto out."""

    def __init__(self, connector: TrytonConnector, allowed_clients: Iterable[str]) -> None:
        self._connector = connector
        self._allowed = frozenset(allowed_clients)

    async def DescribeErp(self, request: pb.DescribeErpRequest, context: Context) -> pb.DescribeErpResponse:
        """Whose ERP it is."""

        async def describe() -> pb.DescribeErpResponse:
            erp = await self._connector.describe()
            return pb.DescribeErpResponse(
                buyer_uscc=erp.buyer_uscc, buyer_name=erp.buyer_name, erp=erp.erp, erp_version=erp.erp_version
            )

        return await self._answer(context, describe)

    async def ListTradeDocuments(
        self, request: pb.ListTradeDocumentsRequest, context: Context
    ) -> pb.ListTradeDocumentsResponse:
        """Documents that changed after the request's cursor."""

        async def list_documents() -> pb.ListTradeDocumentsResponse:
            if not 0 <= request.page_size <= manifest().max_page_size:
                raise HuilianError("INVALID_ARGUMENT", "page_size out of range", field="page_size")
            page = await self._connector.list_trade_documents(request.cursor, request.page_size)
            return pb.ListTradeDocumentsResponse(
                documents=[to_message(document) for document in page.documents],
                faults=[to_fault(fault) for fault in page.faults],
                next_cursor=page.next_cursor,
                has_more=page.has_more,
            )

        return await self._answer(context, list_documents)

    async def _answer(self, context: Context, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        """Runs a use case for an allowed hub within its deadline; any failure becomes a catalogue error on the wire."""
        try:
            self._admit(context)
            async with asyncio.timeout(_time_left_s(context)):
                return await use_case()
        except HuilianError as error:
            await _abort(context, error)
        except TimeoutError:
            await _abort(context, HuilianError("PROVIDER_TIMEOUT", provider="Tryton"))
        except UpstreamError as error:
            _log.warning("erp.failed error=%s", type(error).__name__)
            await _abort(context, _provider_error(error))
        except Exception:  # noqa: BLE001 - the edge: whatever is unknown becomes a bare INTERNAL
            _log.exception("erp.internal_error")
            await _abort(context, HuilianError("INTERNAL"))
        raise AssertionError("abort always raises")

    def _admit(self, context: Context) -> None:
        names = [bytes(name).decode("utf-8", "replace") for name in context.auth_context().get("x509_common_name", ())]
        if not self._allowed.intersection(names):
            _log.warning("erp.client_refused")
            raise HuilianError("PERMISSION_DENIED", "this hub is not on the connector's list")


def _time_left_s(context: Context) -> float | None:
    left = context.time_remaining()
    return max(0.0, left - DEADLINE_RESERVE_S) if left is not None else manifest().timeout_ms / 1000


def _provider_error(error: UpstreamError) -> HuilianError:
    if isinstance(error, UpstreamTimeout):
        return HuilianError("PROVIDER_TIMEOUT", str(error), provider="Tryton")
    if isinstance(error, UpstreamMalformed):
        return HuilianError("PROVIDER_FAULT", str(error), provider="Tryton")
    return HuilianError("PROVIDER_UNAVAILABLE", str(error), provider="Tryton")


async def _abort(context: Context, error: HuilianError) -> None:
    status = rpc_status.to_status(to_rpc_status(error))
    await context.abort(status.code, status.details, status.trailing_metadata)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """Serves until the context ends, then lets calls in flight finish; yields the port that it listens on."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        server = grpc.aio.server()
        servicer = ErpConnectorServicer(TrytonConnector(_client(http, settings), manifest()), settings.allowed_clients)
        pb_grpc.add_ErpConnectorServiceServicer_to_server(servicer, server)
        await _add_health(server)
        port = server.add_secure_port(settings.listen, _credentials(settings))
        await server.start()
        try:
            yield port
        finally:
            await server.stop(STOP_GRACE_S)


def _client(http: aiohttp.ClientSession, settings: Settings) -> TrytonClient:
    return TrytonClient(
        http,
        base_url=settings.tryton_url,
        database=settings.tryton_database,
        user=settings.tryton_user,
        password=settings.password(),
        timeout_s=manifest().timeout_ms / 1000,
    )


async def _add_health(server: grpc.aio.Server) -> None:
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs leave the aio half out
    for service in ("", SERVICE):
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)


def _credentials(settings: Settings) -> grpc.ServerCredentials:
    pair = (settings.tls_key_file.read_bytes(), settings.tls_certificate_file.read_bytes())
    return grpc.ssl_server_credentials(
        [pair], root_certificates=settings.tls_client_ca_file.read_bytes(), require_client_auth=True
    )
