"""What every screen stands on: who calls the hub, under which request id, and how an answer leaves."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from aiohttp import web
from aiohttp_pydantic import PydanticView  # type: ignore[import-untyped]
from huilian_protocol.errors import HuilianError
from huilian_sdk import Call, Huilian
from pydantic import BaseModel, ValidationError

from mini_program_api.problems import invalid_input, problem_response

HUB: web.AppKey[Huilian] = web.AppKey("hub", Huilian)
REQUEST_ID_HEADER, REPLAYED_HEADER = "Idempotency-Key", "Idempotency-Replayed"
REQUEST_ID = "[A-Za-z0-9_-]{8,64}"
_BEARER = "Bearer "


class Screen(PydanticView):  # type: ignore[misc]  # aiohttp-pydantic is untyped
    """Base of the handlers. A screen speaks to the hub as whoever holds the request's token.

    `signed_in` says that it needs one, `keyed` that its POST changes something and carries the caller's request id.
    """

    signed_in: ClassVar[bool] = True
    keyed: ClassVar[bool] = True

    @property
    def anonymous(self) -> Huilian:
        """The hub, called without a token."""
        return self.received.app[HUB]

    @property
    def hub(self) -> Huilian:
        """The hub, called with the request's bearer token. Raises UNAUTHENTICATED when there is none."""
        assert self.signed_in, "only a screen that says so uses a token"
        value = self.received.headers.get("Authorization", "")
        if not value.startswith(_BEARER) or len(value) == len(_BEARER):
            raise HuilianError("UNAUTHENTICATED", "send Authorization: Bearer <token>")
        return self.anonymous.with_token(value.removeprefix(_BEARER))

    def call(self) -> Call:
        """A writing call under the caller's own request id, so that a repetition does nothing twice."""
        assert self.keyed, "only a screen that says so takes a request id"
        request_id = self.received.headers.get(REQUEST_ID_HEADER, "")
        if not re.fullmatch(REQUEST_ID, request_id, re.ASCII):
            raise HuilianError("INVALID_ARGUMENT", "8 to 64 characters of A-Z a-z 0-9 _ -", field=REQUEST_ID_HEADER)
        return Call(request_id=request_id)

    async def on_validation_error(self, exception: ValidationError, context: str) -> web.StreamResponse:
        """A request that does not fit its declared form."""
        return problem_response(invalid_input(exception, context))

    @property
    def received(self) -> web.Request:
        """The request, typed."""
        request: web.Request = self.request
        return request


def answer(body: BaseModel, call: Call | None = None, status: int = 200) -> web.Response:
    """A JSON answer; says whether the hub gave its first answer to this request id again."""
    headers = {REPLAYED_HEADER: "true"} if call is not None and call.replayed else {}
    return web.Response(
        text=body.model_dump_json(), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def download(content: bytes, name: str) -> web.Response:
    """A JSON file to keep, byte for byte."""
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=content, headers=headers, content_type="application/json")
