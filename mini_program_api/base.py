"""What every screen stands on: who calls the hub, under which request id, and how an answer leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from aiohttp import web
from aiohttp_pydantic import PydanticView  # type: ignore[import-untyped]
from aiohttp_pydantic.injectors import QueryGetter  # type: ignore[import-untyped]
from huilian_protocol.artefact import Artefact
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import HANDOVER
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Call, Huilian
from pydantic import BaseModel, ValidationError

from mini_program_api.bodies import FILE
from mini_program_api.problems import invalid_input, problem_response

HUB: web.AppKey[Huilian] = web.AppKey("hub", Huilian)
SANDBOX: web.AppKey[bool] = web.AppKey("sandbox", bool)
CLOCK: web.AppKey[Clock | None] = web.AppKey("clock")
TRUST: web.AppKey[Callable[[], TrustAnchors | None]] = web.AppKey("trust")
REQUEST_ID_HEADER, REPLAYED_HEADER = "Idempotency-Key", "Idempotency-Replayed"
REQUEST_ID = "[A-Za-z0-9_-]{8,64}"
# RFC 6750 section 2.1; nothing else can be sent on in gRPC's metadata.
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)", re.ASCII)


class Screen(PydanticView):  # type: ignore[misc]  # aiohttp-pydantic is untyped
    """Base of the handlers. A screen speaks to the hub as whoever holds the request's token.

    `signed_in` says that it needs one, `keyed` that its POST changes something and carries the caller's request id.
    """

    signed_in: ClassVar[bool] = True
    keyed: ClassVar[bool] = True
    # The media types and the size of the file that a screen takes as its body, instead of JSON.
    file_types: ClassVar[tuple[str, ...]] = ()
    file_most_bytes: ClassVar[int] = 0

    @staticmethod
    def _parse_func_signature(func: Callable[..., Any]) -> Iterable[Any]:
        """What a handler takes, with one rule more: a query parameter that it does not name is a mistake."""
        injectors = [*PydanticView._parse_func_signature(func)]
        query = next((item for item in injectors if isinstance(item, QueryGetter)), None)
        if query is None:
            query = QueryGetter({}, {})
            injectors.append(query)
        query.model.model_config["extra"] = "forbid"
        query.model.model_rebuild(force=True)
        return injectors

    @property
    def trust(self) -> TrustAnchors | None:
        """The keys that this channel pins, if it was given any."""
        return self.received.app[TRUST]()

    def check_drawn_up_now(self, artefact: Artefact) -> None:
        """Raises ARTEFACT_INVALID for a consent that says it was drawn up on another day: what its recipient stated of
        its keys is judged as of then, so another day would bring an older statement back.
        """
        clock = self.received.app[CLOCK]
        if clock is not None and abs(artefact.valid_from - clock.now()) > HANDOVER:
            raise HuilianError("ARTEFACT_INVALID", "valid_from: drawn up on another day than today")

    @property
    def anonymous(self) -> Huilian:
        """The hub, called without a token."""
        return self.received.app[HUB]

    @property
    def hub(self) -> Huilian:
        """The hub, called with the request's bearer token. Raises UNAUTHENTICATED when there is none."""
        assert self.signed_in, "only a screen that says so uses a token"
        match = _BEARER.fullmatch(self.received.headers.get("Authorization", ""))
        if match is None:
            raise HuilianError("UNAUTHENTICATED", "send Authorization: Bearer <token>")
        return self.anonymous.with_token(match[1])

    def call(self) -> Call:
        """A writing call under the caller's own request id, so that a repetition does nothing twice."""
        assert self.keyed, "only a screen that says so takes a request id"
        request_id = self.received.headers.get(REQUEST_ID_HEADER, "")
        if not re.fullmatch(REQUEST_ID, request_id, re.ASCII):
            raise HuilianError("INVALID_ARGUMENT", "8 to 64 characters of A-Z a-z 0-9 _ -", field=REQUEST_ID_HEADER)
        return Call(request_id=request_id)

    def file(self) -> tuple[str, bytes]:
        """Media type and content of the file that was sent. Raises INVALID_ARGUMENT when there is none."""
        content: bytes = self.received.get(FILE, b"")
        if not content:
            raise HuilianError("INVALID_ARGUMENT", "send the file as the body", field="request")
        return self.received.content_type, content

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
