"""A locust user that speaks gRPC: every call is measured under its method's name, a refusal under its catalogue code.

grpc must hand its waiting over to gevent before any channel exists, so that is done on import.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import grpc
from grpc.experimental import gevent as grpc_gevent
from huilian_protocol.metadata import AUTHORIZATION, BEARER
from huilian_protocol.status import from_rpc_error
from locust import User

from loadtests.site import LoadSite

grpc_gevent.init_gevent()

TIMEOUT_S = 10.0


class Refused(Exception):
    """A call that the hub refused; its text is the catalogue code."""


def new_id() -> str:
    """A fresh request or object id."""
    return uuid.uuid4().hex


class GrpcUser(User):
    """Base of the gRPC scenarios. `common_name` chooses a client certificate and with it the partner port."""

    abstract = True
    common_name = ""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.site = LoadSite.running()
        target = self.site.hub_partner if self.common_name else self.site.hub_public
        self.channel = grpc.secure_channel(target, self.site.credentials(self.common_name))
        self.token = ""

    def on_stop(self) -> None:
        """Let go of the connection."""
        self.channel.close()

    def call(self, method: Any, request: Any) -> Any:
        """One measured call. Raises Refused when it fails."""
        metadata = [(AUTHORIZATION, BEARER + self.token)] if self.token else []
        started, error, answer = time.perf_counter(), None, None
        try:
            answer = method(request, timeout=TIMEOUT_S, metadata=metadata)
        except grpc.RpcError as failure:
            error = Refused(from_rpc_error(failure).code)
        self.environment.events.request.fire(
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
