"""A gRPC server over mTLS as every edge process runs it: health, errors of the catalogue, graceful stop, limits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
import protovalidate
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from huilian_protocol.clock import Clock, SandboxClock, SystemClock
from huilian_protocol.collecting import spare_what_is_loaded
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status
from huilian_protocol.stopping import stop_on_signals
from huilian_protocol.tls import CONNECTION_AGE, server_credentials

from connectors.kit.settings import TlsSettings

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1_048_576
MAX_CONCURRENT_CALLS = 256
STOP_GRACE_S = 5.0
# For callers who state none; above what any agency is given.
DEFAULT_DEADLINE_S, LONGEST_CALL_S = 35.0, 60.0
# Kept back from the caller's deadline so that our own answer says that time ran out, not the transport.
DEADLINE_RESERVE_S = 0.02

Handler = Callable[[Any, Any], Awaitable[Any]]


class Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Lets named clients in, checks each request's field rules, keeps their deadline, turns every exception into a
    catalogue status.
    """

    def __init__(self, allowed_clients: frozenset[str]) -> None:
        self._allowed_clients = allowed_clients
        self._guarded: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        method = handler_call_details.method
        known = self._guarded.get(method)
        if known is not None:
            return known
        handler: Any = await continuation(handler_call_details)
        # Health is for whoever supervises the process and says nothing about anybody.
        if handler is None or handler.unary_unary is None or method.startswith("/grpc.health."):
            return cast("grpc.RpcMethodHandler[Any, Any]", handler)
        wrapped = self._guarded[method] = grpc.unary_unary_rpc_method_handler(
            self._guard(method, handler.unary_unary),
            request_deserializer=_reading(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _guard(self, method: str, serve: Handler) -> Handler:
        async def guarded(request: Any, context: Any) -> Any:
            try:
                self._admit(context)
                _validate(request)
                async with asyncio.timeout(_time_left_s(context)):
                    return await serve(request, context)
            except TimeoutError:
                logger.info("call_timed_out method=%s", method)
                refusal = HuilianError("DEADLINE_EXCEEDED")
            except HuilianError as error:
                logger.info("call_refused method=%s code=%s", method, error.code)
                refusal = error
            except Exception as error:  # noqa: BLE001  whatever is unknown becomes a bare INTERNAL
                # An unforeseen message could hold anything: only the kind of error is told, to our own log.
                logger.error("call_failed method=%s error=%s", method, type(error).__name__)
                refusal = HuilianError("INTERNAL")
            status = rpc_status.to_status(to_rpc_status(refusal))
            await context.abort(status.code, status.details, status.trailing_metadata)

        return guarded

    def _admit(self, context: Any) -> None:
        names = {bytes(name).decode("utf-8", "replace") for name in context.auth_context().get("x509_common_name", ())}
        if not names & self._allowed_clients:
            raise HuilianError("PERMISSION_DENIED", "this client is not on the list")


class _Unreadable:
    """Stands for bytes that are no message of the method; gRPC itself would answer INTERNAL."""


def _reading(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        try:
            return parse(raw)
        except DecodeError:
            return _Unreadable()

    return read


def _time_left_s(context: Any) -> float:
    left = context.time_remaining()
    return max(0.0, min(DEFAULT_DEADLINE_S if left is None else left - DEADLINE_RESERVE_S, LONGEST_CALL_S))


def _validate(request: Any) -> None:
    if isinstance(request, _Unreadable):
        raise HuilianError("INVALID_ARGUMENT", "not a message of the protocol", field="request")
    violations = protovalidate.collect_violations(request)
    if violations:
        proto = violations[0].proto
        path = ".".join(element.field_name for element in proto.field.elements) if proto.field else ""
        raise HuilianError("INVALID_ARGUMENT", proto.message, field=path)


def make_clock(settings: TlsSettings) -> Clock:
    """The sandbox's clock where one is configured, else the machine's."""
    return SandboxClock(settings.clock_file) if settings.clock_file is not None else SystemClock()


class EdgeServer:
    """A gRPC server with health; add servicers to `grpc`, then `start`."""

    def __init__(self, settings: TlsSettings) -> None:
        limits = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), *CONNECTION_AGE]
        self.grpc = grpc.aio.server(
            interceptors=[Gate(settings.allowed_client_names())],
            options=limits,
            maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
        )
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs leave the aio half out
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        self.port = self.grpc.add_secure_port(settings.listen, server_credentials(settings.tls_files(), mutual=True))

    async def start(self) -> None:
        """Listen and say that the process serves."""
        await self.grpc.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def tell(self, service: str, *, serving: bool) -> None:
        """Say of one service whether it can do its work now."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set(service, status)

    async def serve(self) -> None:
        """Start, serve until the process is told to stop, stop."""
        stop = stop_on_signals()
        await self.start()
        spare_what_is_loaded()
        logger.info("serving port=%d", self.port)
        await stop.wait()
        await self.stop()

    async def stop(self) -> None:
        """Say that the process is leaving, let calls under way finish, then close."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(STOP_GRACE_S)
