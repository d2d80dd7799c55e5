"""What the agency sandboxes share: an HTTP server that says on its face what it is, and faults on demand for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from huilian_protocol.clock import Clock

from connectors.kit.credentials import Credentials
from connectors.kit.months import Month
from connectors.kit.sandbox_people import Person, find_person, population

CHINA = timezone(timedelta(hours=8))
SANDBOX_NOTICE_ZH = "沙盒系统：全部人员、企业与数据均为虚构，不连接任何政府部门。"
SANDBOX_NOTICE_EN = "Sandbox: every person, company and figure is invented; no government system is connected."


class Fault(StrEnum):
    """Ways in which an agency can fail or lie."""

    DOWN = "down"
    SLOW = "slow"
    STALLED = "stalled"
    CUT = "cut"
    GARBAGE = "garbage"
    HUGE = "huge"
    REFUSES = "refuses"
    WRONG_PERSON = "wrong_person"
    BROKEN_SCHEMA = "broken_schema"
    TELLS = "tells"


class PageFault(StrEnum):
    """Ways in which an agency that answers in pages can lie about the whole."""

    REPEATS = "repeats"
    LOSES = "loses"
    CHANGES = "changes"
    ENDLESS = "endless"


@dataclass
class Faults:
    """The fault that the sandbox shows at present (tests set it) and the number of questions that reached it.

    `acts` counts what was really done (payments taken); `takes_twice` is an agency that minds order numbers only.
    `polls_until_ready` is how often an agency that works asynchronously says "not yet".
    """

    active: Fault | None = None
    page: PageFault | None = None
    queries: int = 0
    polls_until_ready: int = 1
    acts: int = 0
    takes_twice: bool = False


@dataclass(frozen=True)
class SandboxContext:
    """What a sandbox is built from. `folder` is where it keeps what must outlive it; without one it forgets."""

    credentials: Credentials
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    folder: Path | None = None


def today_in_china(now: datetime) -> date:
    """The date in China at this instant."""
    return now.astimezone(CHINA).date()


def current_month(now: datetime) -> Month:
    """The month in China at this instant."""
    return Month.of(today_in_china(now))


def sandbox_person(faults: Faults, name: str, number: str) -> Person | None:
    """The person asked about, or somebody else while the sandbox lies about who it speaks of."""
    person = find_person(name, number)
    if person is not None and faults.active is Fault.WRONG_PERSON:
        return next(other for other in population().values() if other.kind == person.kind and other != person)
    return person


# Faults before anything is looked at; the others happen to an answer, when what was asked for is done.
_AT_THE_DOOR: Mapping[Fault | None, Callable[[], web.Response]] = {
    Fault.DOWN: lambda: web.Response(status=503, text="sandbox told to be down"),
    Fault.REFUSES: lambda: web.Response(status=401, text="sandbox told to refuse"),
}
Answer = Callable[[web.Request, bytes], Awaitable[web.Response]]


@dataclass(frozen=True)
class Route:
    """One of an agency's addresses. Only questions are counted; polls, further pages and logins are not."""

    method: str
    path: str
    answer: Answer
    is_question: bool = True

    def handler(self, faults: Faults) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What serves this address: the sandbox's answer as the present fault leaves it."""

        async def serve(request: web.Request) -> web.StreamResponse:
            faults.queries += self.is_question
            if faults.active in _AT_THE_DOOR:
                return _AT_THE_DOOR[faults.active]()
            response = await self.answer(request, await request.read())
            response.headers["X-Sandbox"] = "true"
            return await _spoil(request, response, faults.active)

        return serve


def make_app(title_zh: str, path: str, answer: Answer, faults: Faults) -> web.Application:
    """An application that answers POSTs to `path`; the rest is as in `make_app_of`."""
    return make_app_of(title_zh, [Route("POST", path, answer)], faults)


def make_app_of(title_zh: str, routes: Sequence[Route], faults: Faults) -> web.Application:
    """An application that answers at `routes`, shows its notice at `/` and its health at `/health`."""

    async def face(_: web.Request) -> web.Response:
        return web.Response(text=f"{title_zh}（沙盒）\n{SANDBOX_NOTICE_ZH}\n{SANDBOX_NOTICE_EN}\n")

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "sandbox": True})

    app = web.Application(client_max_size=65_536)
    app.add_routes([web.get("/", face), web.get("/health", health)])
    app.add_routes([web.route(route.method, route.path, route.handler(faults)) for route in routes])
    return app


async def _spoil(request: web.Request, response: web.Response, fault: Fault | None) -> web.StreamResponse:
    """The response as this fault leaves it."""
    if fault is Fault.GARBAGE:
        return web.Response(body=b"\x81\x00\xff<html>proxy error</html>\xfe" * 7)
    if fault is Fault.HUGE:
        return web.Response(body=b" " * 3_000_000)
    if fault is Fault.TELLS:
        return await _telling(request, response)
    if fault is Fault.SLOW:
        await asyncio.sleep(30)
    if fault in (Fault.CUT, Fault.STALLED):
        return await _half(request, response, then_stall=fault is Fault.STALLED)
    return response


async def _telling(request: web.Request, response: web.Response) -> web.Response:
    """An error that says whom it is about, wherever an error can say something."""
    asked, known = await request.read(), response.body if isinstance(response.body, bytes) else b""
    said = quote(asked[-200:]), quote(known[-200:])
    body = b"cannot serve " + asked + b"\nfound " + known
    return web.Response(status=500, reason="; ".join(said), headers={"X-Error": said[0]}, body=body)


async def _half(request: web.Request, response: web.Response, *, then_stall: bool) -> web.StreamResponse:
    """Half of the answer, then silence on an open connection or the end of the connection."""
    body = response.body if isinstance(response.body, bytes) else b""
    half = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if then_stall:
        await asyncio.sleep(30)
    if request.transport is not None:
        request.transport.abort()
    return half
