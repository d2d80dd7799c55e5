"""The hub's own calls to authorities, connectors and other hubs: mTLS, quick to come back, closed together."""

from __future__ import annotations

import asyncio

import grpc
from huilian_protocol.tls import RenewedChannel, TlsFiles

# By default a channel whose peer was away for minutes tries again after up to two more.
RECONNECT = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 2_000))


class Channels:
    """Opens channels and closes them at the end. They follow the files when certificates are rotated."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._open: list[grpc.aio.Channel] = []

    def to(self, address: str) -> grpc.aio.Channel:
        """A channel to this address ("host:port"); it connects at the first call."""
        channel = RenewedChannel(address, self._files, RECONNECT)
        self._open.append(channel)
        return channel

    def maybe_to(self, address: str | None) -> grpc.aio.Channel | None:
        """A channel to this address, or None where the settings name none."""
        return self.to(address) if address else None

    async def close(self) -> None:
        """Close all; calls under way fail."""
        await asyncio.gather(*(channel.close(None) for channel in self._open))
