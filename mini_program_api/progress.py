"""Server-sent events (WHATWG HTML, section 9.2) about something that moves through states."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from aiohttp import web
from huilian_protocol.errors import HuilianError
from pydantic import BaseModel

from mini_program_api.problems import problem_of

LOOK_EVERY_S = 0.5
LONGEST_S = 120.0
# Nothing is stored yet while the first decision is being made.
NOT_YET = "CHECKING"


class Moving(Protocol):
    """A form with a state, shown whole at each change."""

    state: str

    def model_dump_json(self) -> str:
        """The form as JSON."""
        ...


class Waiting(BaseModel):
    """What is told before there is anything to show."""

    state: str = NOT_YET


async def stream_progress(
    request: web.Request, look: Callable[[], Awaitable[Moving]], final: Collection[str]
) -> web.StreamResponse:
    """Send `state` at each change until a final one, `problem` on a failure, and a comment while nothing moves.

    The first look happens before the answer begins, so that a wrong token is an ordinary problem.
    """
    current = await _look(look)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    # A client that has gone away is no failure of ours.
    with contextlib.suppress(ConnectionResetError):
        await _tell(response, current, look, final)
    return response


async def _tell(
    response: web.StreamResponse, current: Moving, look: Callable[[], Awaitable[Moving]], final: Collection[str]
) -> None:
    told, ends_at = "", asyncio.get_running_loop().time() + LONGEST_S
    while True:
        await response.write(_event("state", current.model_dump_json()) if current.state != told else b": waiting\n\n")
        told = current.state
        if told in final or asyncio.get_running_loop().time() >= ends_at:
            return
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            current = await _look(look)
        except HuilianError as error:
            await response.write(_event("problem", problem_of(error).model_dump_json()))
            return


async def _look(look: Callable[[], Awaitable[Moving]]) -> Moving:
    try:
        return await look()
    except HuilianError as error:
        if error.code != "NOT_FOUND":
            raise
        return Waiting()


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
