"""The seam between calls and the network: one unary call, bytes and metadata in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import grpc
import grpc.aio
from huilian_protocol.tls import CaFile, RenewedChannel, TlsFiles

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of a response message and its text trailers."""

    message: bytes
    trailers: Mapping[str, str]


class Transport(Protocol):
    """Carries one unary call. A test passes a transport of its own instead of the network."""

    async def unary(self, path: str, request: bytes, *, timeout_s: float, metadata: Metadata) -> Reply:
        """Call the method at ``path`` ("/package.Service/Method"). Raises ``grpc.RpcError`` if the call fails."""
        ...

    async def close(self) -> None:
        """Let go of the network."""
        ...


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client's certificate chain and private key in PEM, for mutual TLS."""

    chain_pem: bytes
    private_key_pem: bytes


class GrpcTransport:
    """Calls over one TLS channel; with a client certificate over mutual TLS."""

    def __init__(
        self,
        target: str,
        *,
        root_certificates_pem: bytes | None = None,
        client_certificate: ClientCertificate | None = None,
        tls_files: TlsFiles | CaFile | None = None,
        server_name: str | None = None,
    ) -> None:
        if tls_files is not None:
            self._channel: grpc.aio.Channel = RenewedChannel(target, tls_files, _options(server_name))
            return
        credentials = grpc.ssl_channel_credentials(
            root_certificates_pem,
            client_certificate.private_key_pem if client_certificate else None,
            client_certificate.chain_pem if client_certificate else None,
        )
        self._channel = grpc.aio.secure_channel(target, credentials, options=_options(server_name))

    async def unary(self, path: str, request: bytes, *, timeout_s: float, metadata: Metadata) -> Reply:
        """Call the method at ``path``. Raises ``grpc.aio.AioRpcError`` if the call fails."""
        call = self._channel.unary_unary(path, None, None)(request, timeout=timeout_s, metadata=tuple(metadata))
        message = await call
        return Reply(message, text_trailers(await call.trailing_metadata()))

    async def close(self) -> None:
        """Close the channel at once; calls under way fail."""
        await self._channel.close(None)


def text_trailers(trailers: object) -> dict[str, str]:
    """The text entries of trailing metadata; binary ones are left out."""
    pairs = trailers if isinstance(trailers, (tuple, list, grpc.aio.Metadata)) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _options(server_name: str | None) -> list[tuple[str, str | int]]:
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # Retries are ours: they know which calls are idempotent and keep the request id.
        ("grpc.enable_retries", 0),
        # A hub that restarts is back in seconds; the defaults (1 s growing to 120 s) would hide it for longer.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    return options
