"""The edge of the hub: every call passes here, once, whatever its domain.

Deadline, caller, policy, field rules, then the servicer; every exception becomes a catalogue status. Whatever is
unknown becomes INTERNAL with a bare message. One log line per call: a constant event name, the method, the outcome,
no content.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias, cast

import grpc
import protovalidate
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status
from huilian_protocol.errors import HuilianError
from huilian_protocol.metadata import REPLAYED, RETRY_PUSHBACK_MS, TRACE_ID
from huilian_protocol.status import to_rpc_status

from hub.platform.admission import Admission
from hub.platform.callers import Caller, current_caller
from hub.platform.calls import CallNotes
from hub.platform.message_values import check_values
from hub.platform.peers import peer_of

DEFAULT_DEADLINE_S = 10.0
LONGEST_CALL_S = 60.0
LONGEST_STREAM_S = 3_600.0
# Kept back of the caller's deadline, so that there is time to say that time ran out.
RESERVE_S = 0.02
# Answered to anybody: health for whoever supervises the process, reflection of what is public anyway.
OPEN_PREFIXES = ("/grpc.health.v1.Health/", "/grpc.reflection.")

logger = logging.getLogger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Pace(Protocol):
    """How fast callers may call (`rate_limits.py`). Each method raises HuilianError RATE_LIMITED."""

    async def admit(self, method: str, caller: Caller, peer: str) -> None:
        """Count a call that was let in."""
        ...

    async def refused_at_the_door(self, caller: Caller, peer: str) -> None:
        """Count a call that was not."""
        ...

    async def missed(self, caller: Caller, peer: str) -> None:
        """Count an answer that there is no such thing."""
        ...


class Watcher(Protocol):
    """Who wants to know of calls that nobody served (hub/exchange)."""

    async def at_the_door(self, method: str, request: Any, code: str) -> None:
        """A call was refused with this code before it was served; `request` may be unreadable. Raises no error."""
        ...


class Edge(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not subscriptable when it runs
    """The one interceptor of the hub's server."""

    def __init__(self, admission: Admission, pace: Pace | None = None) -> None:
        """Without a `pace` callers may call as fast as they like, which is for tests of something else."""
        self._admission, self._pace = admission, pace
        self.watcher: Watcher | None = None
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The wrapped handler of one call, made once for each method."""
        method = handler_call_details.method
        known = self._guarded.get(method)
        if known is not None:
            return known
        handler: Any = await continuation(handler_call_details)
        if handler is None or method.startswith(OPEN_PREFIXES):
            return cast("Handler", handler)
        wrapped = self._guarded[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Handler:
        shape = {
            "request_deserializer": _reading(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **shape)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **shape)
        raise AssertionError(f"{method}: the protocol has no client streams")

    def _unary(self, method: str, serve: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def guarded(request: Any, context: Any) -> Any:
            metadata = _metadata(context)
            call = _Call(method, context, metadata)
            try:
                async with asyncio.timeout(call.seconds_left(DEFAULT_DEADLINE_S, LONGEST_CALL_S)):
                    notes = await self._enter(method, request, context, metadata)
                    answer = await self._paced(serve(request, context), context)
            except Exception as error:  # noqa: BLE001  the one place where the unknown becomes INTERNAL
                await call.refuse(_refusal(error))
            call.finish("OK", notes)
            return answer

        return guarded

    def _stream(self, method: str, serve: Callable[[Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any], Any]:
        async def guarded(request: Any, context: Any) -> AsyncIterator[Any]:
            metadata = _metadata(context)
            call = _Call(method, context, metadata)
            try:
                async with asyncio.timeout(call.seconds_left(LONGEST_STREAM_S, LONGEST_STREAM_S)):
                    notes = await self._enter(method, request, context, metadata)
                    async for message in serve(request, context):
                        yield message
            except Exception as error:  # noqa: BLE001  as above
                await call.refuse(_refusal(error))
            call.finish("OK", notes)

        return guarded

    async def _enter(self, method: str, request: Any, context: Any, metadata: Mapping[str, str]) -> CallNotes:
        try:
            return await self._let_in(method, request, context, metadata)
        except HuilianError as error:
            if self.watcher is not None:
                await self.watcher.at_the_door(method, request, error.code)
            raise

    async def _let_in(self, method: str, request: Any, context: Any, metadata: Mapping[str, str]) -> CallNotes:
        try:
            notes = await self._admission.admit(method, metadata, context.auth_context())
        except HuilianError:
            if self._pace is not None:
                await self._pace.refused_at_the_door(peer_of(context.auth_context()).caller, context.peer())
            raise
        if self._pace is not None:
            await self._pace.admit(method, current_caller(), context.peer())
        if isinstance(request, Unreadable):
            raise HuilianError("INVALID_ARGUMENT", "not a message of the protocol", field="request")
        check_fields(request)
        return notes

    async def _paced(self, answer: Awaitable[Any], context: Any) -> Any:
        try:
            return await answer
        except HuilianError as error:
            if self._pace is not None and error.code == "NOT_FOUND":
                await self._pace.missed(current_caller(), context.peer())
            raise


class _Call:
    """One call's clock, log line and last words."""

    def __init__(self, method: str, context: Any, metadata: Mapping[str, str]) -> None:
        self._method = method
        self._context = context
        self._metadata = metadata
        self._started = time.monotonic()

    def seconds_left(self, default_s: float, most_s: float) -> float:
        """How long the servicer may take."""
        remaining = self._context.time_remaining()
        return max(0.0, min(default_s if remaining is None else remaining - RESERVE_S, most_s))

    async def refuse(self, error: HuilianError) -> None:
        """End the call with a catalogue status; never returns."""
        self._log(error.code)
        status = rpc_status.to_status(to_rpc_status(error))
        trailers = (*status.trailing_metadata, *_pushback(error))
        await self._context.abort(status.code, status.details, trailers)

    def finish(self, code: str, notes: CallNotes) -> None:
        """The call went well."""
        if notes.replayed:
            self._context.set_trailing_metadata(((REPLAYED, "true"),))
        self._log(code)

    def _log(self, code: str) -> None:
        took_ms = (time.monotonic() - self._started) * 1_000
        trace_id = self._metadata.get(TRACE_ID, "")[:64]
        extra = {"method": self._method, "code": code, "took_ms": round(took_ms, 1), "trace_id": trace_id}
        logger.info("rpc.finished", extra=extra)


def check_fields(request: Message) -> None:
    """Raise HuilianError INVALID_ARGUMENT naming the first field that breaks a rule of the protocol, without its
    value.
    """
    violations = protovalidate.collect_violations(request)
    if violations:
        proto = violations[0].proto
        path = ".".join(element.field_name for element in proto.field.elements) if proto.field else ""
        raise HuilianError("INVALID_ARGUMENT", f"rule {proto.rule_id}", field=path)
    check_values(request)


class Unreadable:
    """Stands for bytes that are no message of the method; gRPC itself would answer INTERNAL."""


def _reading(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        try:
            return parse(raw)
        except DecodeError:
            return Unreadable()

    return read


def _refusal(error: Exception) -> HuilianError:
    if isinstance(error, HuilianError):
        return error
    if isinstance(error, TimeoutError):
        return HuilianError("DEADLINE_EXCEEDED")
    # The text of an unforeseen error could hold anything; its type and place are enough to find it.
    logger.error("rpc.failed", extra={"error_type": type(error).__name__, "place": _place(error)})
    return HuilianError("INTERNAL")


def _pushback(error: HuilianError) -> tuple[tuple[str, str], ...]:
    """When to come back (gRFC A6), for whoever was told to."""
    seconds = error.params.get("retry_after_seconds")
    return ((RETRY_PUSHBACK_MS, f"{int(seconds) * 1_000}"),) if seconds is not None else ()


def _place(error: BaseException) -> str:
    """The innermost line of our own code that the error passed."""
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.startswith(("hub.", "ledger.")):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
