"""One call from message to message: request id, token, deadline, retries."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message
from huilian_protocol.errors import HuilianError
from huilian_protocol.metadata import AUTHORIZATION, BEARER, REPLAYED, RETRY_PUSHBACK_MS, TRACE_ID

from huilian_sdk._errors import AuthenticationError, DeadlineError, from_grpc
from huilian_sdk._transport import Reply, Transport, text_trailers

Answer = TypeVar("Answer", bound=Message)


def new_id() -> str:
    """A fresh id for a request or an object: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(slots=True)
class Call:
    """Settings of one call, and afterwards what happened.

    Before: ``request_id`` (made up if empty; give your own to be able to repeat the call after a crash) and
    ``timeout_s`` for all attempts together. After: ``replayed`` says that the hub gave its first answer to this
    request id again and did nothing twice, ``attempts`` counts the tries.
    """

    request_id: str = ""
    timeout_s: float | None = None
    replayed: bool = field(default=False, init=False)
    attempts: int = field(default=0, init=False)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long: pauses double from ``first_pause_s`` up to ``longest_pause_s``, each with random
    jitter.
    """

    attempts: int = 4
    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0


class TokenSource(Protocol):
    """Gives access tokens; :mod:`huilian_sdk._tokens` has the real ones."""

    async def token(self) -> str:
        """A token that is good now, or "" to call without one."""
        ...

    def forget(self, token: str) -> bool:
        """The hub refused ``token``; whether a new one can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Environment:
    """What calls need from the outside; tests pass their own."""

    ids: Callable[[], str] = new_id
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Calls:
    """Makes calls for the facades."""

    transport: Transport
    tokens: TokenSource
    retry: RetryPolicy
    timeout_s: float
    environment: Environment

    async def unary(
        self,
        service: str,
        request: Message,
        answer_type: type[Answer],
        call: Call | None = None,
        *,
        idempotent: bool = True,
        authenticated: bool = True,
    ) -> Answer:
        """Call ``service``'s method that takes ``request`` (named ``XRequest`` for the method ``X``).

        Every write carries a request id and may therefore be tried again; the few calls that may not pass
        ``idempotent=False``. Raises an exception of the tree in :mod:`huilian_sdk._errors`.
        """
        call = call or Call()
        self._set_request_id(request, call)
        path = f"/{service}/{type(request).__name__.removesuffix('Request')}"
        attempt = _Attempt(self, path, request.SerializeToString(), call, authenticated)
        reply = await attempt.until_answered(self.retry.attempts if idempotent else 1)
        call.replayed = reply.trailers.get(REPLAYED) == "true"
        answer = answer_type()
        answer.ParseFromString(reply.message)
        return answer

    def object_id(self, given: str, call: Call | None) -> str:
        """The id for a new object: the given one, else the request id (so that a repeated call names the same
        object).
        """
        return given or (call.request_id if call else "") or self.environment.ids()

    def _set_request_id(self, request: Message, call: Call) -> None:
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            call.request_id = call.request_id or self.environment.ids()
            setattr(request, "request_id", call.request_id)  # noqa: B010  the field exists: it was just looked up


class _Attempt:
    """The tries of one call under one deadline."""

    def __init__(self, calls: Calls, path: str, request: bytes, call: Call, authenticated: bool) -> None:
        self._calls, self._path, self._request, self._call = calls, path, request, call
        self._authenticated = authenticated
        self._trace_id = calls.environment.ids()
        self._deadline = calls.environment.monotonic() + (call.timeout_s or calls.timeout_s)
        self._renewed = False

    async def until_answered(self, attempts: int) -> Reply:
        """The first good reply. Raises the last error when tries or time run out."""
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once()
            except _Failure as failure:
                if self._renew(failure):
                    tries -= 1
                    continue
                pause = self._pause(failure, tries)
                if pause is None or tries >= attempts or pause >= self._left_s():
                    raise failure.error from failure.cause
                await self._calls.environment.sleep(pause)

    async def _once(self) -> Reply:
        self._call.attempts += 1
        left_s = self._left_s()
        if left_s <= 0:
            raise DeadlineError("DEADLINE_EXCEEDED", "no time was left for a try")
        token = await self._calls.tokens.token() if self._authenticated else ""
        metadata = [(TRACE_ID, self._trace_id)]
        if token:
            metadata.append((AUTHORIZATION, BEARER + token))
        try:
            return await self._calls.transport.unary(self._path, self._request, timeout_s=left_s, metadata=metadata)
        except grpc.RpcError as cause:
            raise _Failure(from_grpc(cause), token, _pushback_ms(cause), cause) from cause

    def _renew(self, failure: _Failure) -> bool:
        """Whether the token was refused and a new one may be tried, which is done once."""
        refused = isinstance(failure.error, AuthenticationError) and failure.token != ""
        if not refused or self._renewed:
            return False
        self._renewed = True
        return self._calls.tokens.forget(failure.token)

    def _pause(self, failure: _Failure, tries: int) -> float | None:
        """Seconds to wait before the next try; ``None`` for a failure that is not tried again. The hub's word comes
        first.
        """
        if failure.pushback_ms is not None:
            return None if failure.pushback_ms < 0 else failure.pushback_ms / 1000
        if failure.error.entry.grpc != "UNAVAILABLE":
            return None
        policy = self._calls.retry
        longest = min(policy.first_pause_s * 2.0 ** (tries - 1), policy.longest_pause_s)
        # Half of the pause is random, so that clients which failed together do not come back together.
        return longest * (0.5 + self._calls.environment.jitter() / 2)

    def _left_s(self) -> float:
        return self._deadline - self._calls.environment.monotonic()


class _Failure(Exception):
    """A failed try with what decides about the next one."""

    def __init__(self, error: HuilianError, token: str, pushback_ms: int | None, cause: grpc.RpcError) -> None:
        super().__init__(error.code)
        self.error, self.token, self.pushback_ms, self.cause = error, token, pushback_ms, cause


def _pushback_ms(error: grpc.RpcError) -> int | None:
    trailers = getattr(error, "trailing_metadata", lambda: None)()
    text = text_trailers(trailers).get(RETRY_PUSHBACK_MS)
    if text is None:
        return None
    # gRFC A6: what is no number means "do not retry".
    return int(text) if text.isascii() and text.isdigit() else -1
