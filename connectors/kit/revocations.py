"""The edge's own copy of how consents stand: follows the hub's stream, resumes by cursor, knows how old it is.

What the stream states is "of everything that changed up to `as_of_time` you have seen all". After a restart nothing is
known until the stream has said so again: the cursor is kept on disk, freshness is not. A hub that goes silent makes the
edge refuse; a hub whose clock runs ahead cannot make the copy look fresher than the moment it arrived. A resumption
counts only with the device's signature, which is checked here; what does not verify is passed over, the pause stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import grpc
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian.consent.v1 import consent_service_pb2_grpc
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import Resumption

from connectors.kit.consent_status import Change, Notice

logger = logging.getLogger(__name__)

# The hub sends a heartbeat every second; this silence means that the connection is dead whatever TCP thinks.
SILENCE_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0

Learn = Callable[[Notice], Awaitable[None]]
ReadCursor = Callable[[], Awaitable[int]]
VerifyResumption = Callable[[bytes], tuple[Resumption, str]]

# A kind of change that this edge does not know may be any stop, so it counts as the strongest one.
_CHANGES = {
    pb.CONSENT_CHANGE_DATASET_REVOKED: Change.DATASET_REVOKED,
    pb.CONSENT_CHANGE_PAUSED: Change.PAUSED,
    pb.CONSENT_CHANGE_RESUMED: Change.RESUMED,
    pb.CONSENT_CHANGE_AMENDED: Change.AMENDED,
    pb.CONSENT_CHANGE_DELEGATION_REVOKED: Change.DELEGATION_REVOKED,
}


class RevocationCopy:
    """How fresh the copy is. `max_age` is the oldest copy on which a read may rely."""

    def __init__(self, clock: Clock, max_age: timedelta) -> None:
        self._clock, self._max_age = clock, max_age
        self._as_of: datetime | None = None

    def confirm(self, as_of: datetime) -> None:
        """Everything revoked up to `as_of` (aware UTC) is now known."""
        heard = min(as_of, self._clock.now())
        self._as_of = heard if self._as_of is None else max(self._as_of, heard)

    def is_fresh(self) -> bool:
        """Whether `require_fresh` would pass at this moment."""
        return self._as_of is not None and self._clock.now() - self._as_of <= self._max_age

    def require_fresh(self) -> None:
        """Raise HuilianError REVOCATIONS_STALE when the copy is too old to trust."""
        if self._as_of is None:
            raise HuilianError("REVOCATIONS_STALE", "not followed since this process started")
        age = self._clock.now() - self._as_of
        if age > self._max_age:
            raise HuilianError("REVOCATIONS_STALE", f"{int(age.total_seconds())} s old")


class RevocationFollower:
    """Keeps a `RevocationCopy` up to date from one hub."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        copy: RevocationCopy,
        learn: Learn,
        cursor: ReadCursor,
        verify_resumption: VerifyResumption,
    ) -> None:
        self._stub = consent_service_pb2_grpc.ConsentServiceStub(channel)
        self._copy, self._learn, self._cursor = copy, learn, cursor
        self._verify_resumption = verify_resumption

    async def run(self) -> None:
        """Follow for ever, reconnecting with growing pauses; ends only by cancellation."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async for _ in self._follow():
                    pause_s = _FIRST_PAUSE_S
                reason = "ended"
            except grpc.RpcError as error:
                reason = error.code().name if isinstance(error, grpc.aio.AioRpcError) else "RPC"
            except TimeoutError:
                reason = "silent"
            except Exception as error:  # noqa: BLE001  a full disk or an odd message must not end the following for good
                reason = type(error).__name__
            logger.warning("revocations_interrupted reason=%s pause_ms=%d", reason, int(pause_s * 1_000))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _follow(self) -> AsyncIterator[None]:
        """One connection; yields after each message was taken in."""
        call = self._stub.WatchRevocations(pb.WatchRevocationsRequest(cursor=await self._cursor()))
        with contextlib.ExitStack() as stack:
            stack.callback(call.cancel)
            messages = aiter(call)
            while True:
                async with asyncio.timeout(SILENCE_S):
                    message = await anext(messages, None)
                if message is None:
                    return
                await self._take_in(message)
                yield

    async def _take_in(self, message: pb.WatchRevocationsResponse) -> None:
        # A change is on disk before the copy counts as fresh up to its time.
        if message.consent_id:
            await self._learn(self._notice(message))
        self._copy.confirm(message.as_of_time.ToDatetime(UTC))

    def _notice(self, message: pb.WatchRevocationsResponse) -> Notice:
        change = _CHANGES.get(message.change, Change.REVOKED)
        at = message.revoked_time.ToDatetime(UTC)
        if change is Change.RESUMED:
            return self._resumption(message, at)
        return Notice(
            message.cursor,
            message.consent_id,
            at,
            change,
            dataset_id=message.dataset_id,
            version=message.version,
            pause_id=message.pause_id,
            artefact_sha256=message.artefact_sha256,
        )

    def _resumption(self, message: pb.WatchRevocationsResponse, at: datetime) -> Notice:
        try:
            statement, signer = self._verify_resumption(message.resumption)
        except HuilianError as error:
            logger.warning("resumption_refused consent=%s code=%s", message.consent_id, error.code)
            return Notice(message.cursor, message.consent_id, at, Change.IGNORED)
        return Notice(
            message.cursor,
            statement.consent_id,
            at,
            Change.RESUMED,
            version=statement.version,
            pause_id=statement.pause_id,
            artefact_sha256=statement.artefact_sha256,
            resumed_by=signer,
        )
