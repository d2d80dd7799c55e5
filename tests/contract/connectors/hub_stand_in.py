"""The part of a hub that an edge dials: the stream of revocations, by the hub's own feed over a list in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian.consent.v1 import consent_service_pb2_grpc
from huilian_protocol.clock import Clock

from deploy.pki import TlsFiles
from hub.consent.messages import notice_message
from hub.consent.revocations import Change, RevocationFeed
from hub.consent.store import NoticeRow


@dataclass
class RevocationList:
    """The hub's notices in memory; counts how often it was asked and from where."""

    clock: Clock
    rows: list[NoticeRow] = field(default_factory=list)
    first_cursors: list[int] = field(default_factory=list)

    def revoke(self, consent_id: str) -> None:
        """Revoke one consent now."""
        self.tell(consent_id, Change.REVOKED)

    def tell(self, consent_id: str, change: Change, version: int = 1, **more: Any) -> None:
        """Tell edges of one change."""
        cursor, at = len(self.rows) + 1, self.clock.now()
        self.rows.append(NoticeRow(cursor=cursor, consent_id=consent_id, change=change, at=at, version=version, **more))

    async def notices_after(self, cursor: int, limit: int) -> list[NoticeRow]:
        """The hub store's query."""
        return [row for row in self.rows if row.cursor > cursor][:limit]


class RevocationServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """WatchRevocations only; every other method answers UNIMPLEMENTED, as gRPC does by itself."""

    def __init__(self, revocations: RevocationList) -> None:
        self._list = revocations
        self._feed = RevocationFeed(revocations, revocations.clock, poll_s=0.02, heartbeat_s=0.1)  # type: ignore[arg-type]

    async def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, context: Any
    ) -> AsyncIterator[pb.WatchRevocationsResponse]:
        self._list.first_cursors.append(request.cursor)
        async for notice in self._feed.follow(request.cursor):
            yield notice_message(notice)


@asynccontextmanager
async def running_hub(revocations: RevocationList, tls: TlsFiles, port: int = 0) -> AsyncIterator[int]:
    """Serve the stream over mTLS on 127.0.0.1; yields the port."""
    server = grpc.aio.server()
    consent_service_pb2_grpc.add_ConsentServiceServicer_to_server(RevocationServicer(revocations), server)
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], tls.ca.read_bytes(), require_client_auth=True)
    bound = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(0)
