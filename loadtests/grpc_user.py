"""Locust users that speak gRPC: every call is measured under its method's name, a refusal under its catalogue code.

grpc must hand its waiting over to gevent before any channel exists, so that is done on import.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import grpc
from grpc.experimental import gevent as grpc_gevent  # type: ignore[attr-defined]  # the stubs leave it out
from huilian_protocol.metadata import AUTHORIZATION, BEARER
from huilian_protocol.status import from_rpc_error
from locust import User

from loadtests.site import LoadSite

grpc_gevent.init_gevent()

TIMEOUT_S = 10.0
# Tokens live 15 minutes; whoever runs longer signs in again.
RENEW_S = 600.0


class Refused(Exception):
    """A call that the hub refused; its text is the catalogue code."""


def new_id() -> str:
    """A fresh request or object id."""
    return uuid.uuid4().hex


class GrpcCaller:
    """One caller's connection. `common_name` chooses a client certificate and with it the partner port.

    `sign_in` is asked for a token before the first call that needs one, and again before it ends.
    """

    def __init__(self, environment: Any, common_name: str = "", sign_in: Callable[[], str] | None = None) -> None:
        site = LoadSite.running()
        target = site.hub_partner if common_name else site.hub_public
        self.channel = grpc.secure_channel(target, site.credentials(common_name))
        self._environment, self._sign_in = environment, sign_in
        self._token, self._renew_at = "", 0.0

    def close(self) -> None:
        """Let go of the connection."""
        self.channel.close()

    def call(self, method: Any, request: Any, *, signed_in: bool = True) -> Any:
        """One measured call. Raises Refused when it fails."""
        metadata = self._authorization() if signed_in else []
        started, error, answer = time.perf_counter(), None, None
        try:
            answer = method(request, timeout=TIMEOUT_S, metadata=metadata)
        except grpc.RpcError as failure:
            error = Refused(from_rpc_error(failure).code)
        self._environment.events.request.fire(
            request_type="grpc",
            name=type(request).__name__.removesuffix("Request"),
            response_time=(time.perf_counter() - started) * 1_000,
            response_length=answer.ByteSize() if answer is not None else 0,
            exception=error,
            context={},
        )
        if error is not None:
            raise error
        return answer

    def _authorization(self) -> list[tuple[str, str]]:
        if self._sign_in is not None and time.monotonic() >= self._renew_at:
            self._token, self._renew_at = self._sign_in(), time.monotonic() + RENEW_S
        return [(AUTHORIZATION, BEARER + self._token)] if self._token else []


class GrpcUser(User):
    """Base of the gRPC scenarios: one caller, who signs in as `sign_in` does."""

    abstract = True
    common_name = ""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.site = LoadSite.running()
        self.caller = GrpcCaller(environment, self.common_name, self.sign_in)
        self.channel = self.caller.channel

    def on_stop(self) -> None:
        """Let go of the connection."""
        self.caller.close()

    def sign_in(self) -> str:
        """A fresh access token."""
        raise AssertionError("a scenario that calls as somebody says how to sign in")

    def call(self, method: Any, request: Any, *, signed_in: bool = True) -> Any:
        """One measured call. Raises Refused when it fails."""
        return self.caller.call(method, request, signed_in=signed_in)
