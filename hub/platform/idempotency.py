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

from hub.platform.callers import Role, current_caller
from hub.platform.calls import current_call
from hub.platform.database import Database, is_deadlock
from hub.platform.transactions import require_transaction
from hub.platform.vault import SubjectVault

Answer = TypeVar("Answer", bound=Message)

TRIES = 3
# Of `store.StoredAnswer`: every call that writes does both, and a row object takes longer to make than the statement.
_FIRST_ANSWER = "SELECT request_sha256, answer, subject FROM platform_stored_answer WHERE id = $1"
_REMEMBER = (
    "INSERT INTO platform_stored_answer (id, method, request_sha256, answer, answered_at, subject)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)


class Idempotency:
    """Runs the use cases that change something."""

    def __init__(self, database: Database, clock: Clock, vault: SubjectVault | None = None) -> None:
        """Without a `vault` answers to persons are kept in the clear, which the hub itself never does."""
        self._database, self._clock, self._vault = database, clock, vault

    async def run(
        self,
        method: str,
        request: Message,
        response_type: type[Answer],
        use_case: Callable[[], Awaitable[Answer]],
        about: str | None = None,
    ) -> Answer:
        """Do the use case in one transaction, once per caller and request id, and answer what the first run answered.

        `method` is a constant name of the call, e.g. "GrantConsent"; `about` is the person whom the answer is about if
        that is not the caller. Raises HuilianError REQUEST_ID_REUSED when the id
        came with other input before, and whatever the use case raises (then nothing is stored and the id stays free).
        A transaction that the database gave up for another one to go on is done again, TRIES times in all.
        """
        for _ in range(TRIES - 1):
            try:
                return await self._run_once(method, request, response_type, use_case, about)
            except Exception as error:
                if not is_deadlock(error):
                    raise
        return await self._run_once(method, request, response_type, use_case, about)

    async def _run_once(
        self,
        method: str,
        request: Message,
        response_type: type[Answer],
        use_case: Callable[[], Awaitable[Answer]],
        about: str | None,
    ) -> Answer:
        async with self._database.transaction():
            await self._database.lock("request", _answer_id(request))
            first = await self.replay(method, request, response_type)
            if first is not None:
                return first
            answer = await use_case()
            await self.remember(method, request, answer, about)
            return answer

    async def replay(self, method: str, request: Message, response_type: type[Answer]) -> Answer | None:
        """The first answer to this request, or None. For use cases that talk to the network between two transactions.

        Raises HuilianError REQUEST_ID_REUSED when the id came with other input before.
        """
        rows = await self._database.fetch(_FIRST_ANSWER, _answer_id(request))
        if not rows:
            return None
        stored = rows[0]
        if bytes(stored["request_sha256"]) != _fingerprint(method, request):
            raise HuilianError("REQUEST_ID_REUSED", request_id=_request_id(request))
        current_call().replayed = True
        answer = bytes(stored["answer"])
        if stored["subject"] is not None and self._vault is not None:
            answer = await self._vault.decrypt_for_subject(stored["subject"], answer)
        return response_type.FromString(answer)

    async def remember(self, method: str, request: Message, answer: Message, about: str | None = None) -> None:
        """Store the first answer inside the transaction that did the work.

        What is said to a person or about one goes under that person's key; so nobody who had their data destroyed can
        leave anything behind. Raises NOT_FOUND for such a person.
        """
        require_transaction("remembering an answer")
        caller, stored = current_caller(), answer.SerializeToString()
        subject = about or (caller.id if caller.role is Role.CITIZEN else None)
        if subject is not None and self._vault is not None:
            stored = await self._vault.encrypt_for_subject(subject, stored)
        values = (_answer_id(request), method, _fingerprint(method, request), stored, self._clock.now(), subject)
        await self._database.execute(_REMEMBER, *values)


def _request_id(request: Message) -> str:
    request_id: str = getattr(request, "request_id", "")
    if not request_id:
        raise HuilianError("INVALID_ARGUMENT", "a call that changes something needs a request id", field="request_id")
    return request_id


def _answer_id(request: Message) -> str:
    return f"{current_caller().id}/{_request_id(request)}"


def _fingerprint(method: str, request: Message) -> bytes:
    return sha256(method.encode() + b"\0" + request.SerializeToString(deterministic=True)).digest()
