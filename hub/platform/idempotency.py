"""The same request id with the same input gives the first answer again; with other input it is an error.

The answer is stored in the transaction that did the work, so either both exist or neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TypeVar

from google.protobuf.message import Message
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.callers import current_caller
from hub.platform.calls import current_call
from hub.platform.database import Database
from hub.platform.store import StoredAnswer
from hub.platform.transactions import require_transaction

Answer = TypeVar("Answer", bound=Message)


class Idempotency:
    """Runs the use cases that change something."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(
        self, method: str, request: Message, response_type: type[Answer], use_case: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Do the use case in one transaction, once per caller and request id, and answer what the first run answered.

        `method` is a constant name of the call, e.g. "GrantConsent". Raises HuilianError REQUEST_ID_REUSED when the id
        came with other input before, and whatever the use case raises (then nothing is stored and the id stays free).
        """
        async with self._database.transaction():
            await self._database.lock("request", _answer_id(request))
            first = await self.replay(method, request, response_type)
            if first is not None:
                return first
            answer = await use_case()
            await self.remember(method, request, answer)
            return answer

    async def replay(self, method: str, request: Message, response_type: type[Answer]) -> Answer | None:
        """The first answer to this request, or None. For use cases that talk to the network between two transactions.

        Raises HuilianError REQUEST_ID_REUSED when the id came with other input before.
        """
        stored = await StoredAnswer.get_or_none(id=_answer_id(request))
        if stored is None:
            return None
        if bytes(stored.request_sha256) != _fingerprint(method, request):
            raise HuilianError("REQUEST_ID_REUSED", request_id=_request_id(request))
        current_call().replayed = True
        return response_type.FromString(bytes(stored.answer))

    async def remember(self, method: str, request: Message, answer: Message) -> None:
        """Store the first answer inside the transaction that did the work."""
        require_transaction("remembering an answer")
        await StoredAnswer.create(
            id=_answer_id(request),
            method=method,
            request_sha256=_fingerprint(method, request),
            answer=answer.SerializeToString(),
            answered_at=self._clock.now(),
        )


def _request_id(request: Message) -> str:
    request_id: str = getattr(request, "request_id", "")
    if not request_id:
        raise HuilianError("INVALID_ARGUMENT", "a call that changes something needs a request id", field="request_id")
    return request_id


def _answer_id(request: Message) -> str:
    return f"{current_caller().id}/{_request_id(request)}"


def _fingerprint(method: str, request: Message) -> bytes:
    return sha256(method.encode() + b"\0" + request.SerializeToString(deterministic=True)).digest()
