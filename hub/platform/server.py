"""The hub's gRPC server: two ports of one server, health, reflection, graceful stop.

The public port speaks TLS and knows callers by their tokens. The partner port speaks mTLS: partners, connectors and
channels show a certificate of the site's CA.
"""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from huilian_protocol.tls import CONNECTION_AGE, TlsFiles, server_credentials

from hub.platform.interceptors import Edge

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_CONCURRENT_CALLS = 1_000
STOP_GRACE_S = 5.0


class _FoundByName:
    """What generated code registers servicers at: their methods are looked up by name when they are called.

    For a registered method grpc.aio keeps a task that waits for its next call, and goes through the tasks of all of
    them, some two hundred here, at every call of any.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Register nothing."""


class HubServer:
    """`serve` every servicer, then `start`."""

    def __init__(self, edge: Edge, tls: TlsFiles, public_address: str, partner_address: str) -> None:
        """Bind both ports; raises RuntimeError when one is taken. Port 0 takes a free one (`public_port` …).

        Without a public address there is the mTLS port alone.
        """
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Two hubs on one port would share its calls silently.
            ("grpc.so_reuseport", 0),
            *CONNECTION_AGE,
        ]
        self.grpc = grpc.aio.server(interceptors=[edge], options=options, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)
        self._by_name = _FoundByName(self.grpc)
        self._names: list[str] = []
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs leave the aio half out
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._by_name)
        self.public_port = 0
        if public_address:
            self.public_port = self.grpc.add_secure_port(public_address, server_credentials(tls, mutual=False))
        self.partner_port = self.grpc.add_secure_port(partner_address, server_credentials(tls, mutual=True))

    def serve(self, servicer: object) -> None:
        """Serve what a servicer implements: the service whose generated class it extends."""
        base = next(kind for kind in type(servicer).__mro__ if kind.__module__.endswith("_pb2_grpc"))
        getattr(sys.modules[base.__module__], f"add_{base.__name__}_to_server")(servicer, self._by_name)
        package = base.__module__.rpartition(".")[0]
        self._names.append(f"{package}.{base.__name__.removesuffix('Servicer')}")

    async def start(self) -> None:
        """Listen, describe the services by reflection, and say that the hub serves."""
        names = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, self.grpc)
        await self.grpc.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def tell(self, part: str, *, works: bool) -> None:
        """Say by the health service whether a part of the hub works, which serves without it all the same."""
        state = health_pb2.HealthCheckResponse.SERVING if works else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set(part, state)

    async def stop(self) -> None:
        """Say that the hub is leaving, let calls under way finish, then close. Again is a no-op."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(STOP_GRACE_S)
