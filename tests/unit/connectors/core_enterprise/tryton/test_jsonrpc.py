"""Tryton's JSON dialect, and what the client makes of every way in which a server can fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.core_enterprise.tryton.jsonrpc import (
    TrytonClient,
    TrytonLoginRefused,
    TrytonRefused,
    TrytonWarning,
    dumps,
    loads,
)
from connectors.kit.contract import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

Handler = Callable[[dict[str, Any]], Awaitable[web.Response]]


@pytest.mark.parametrize(
    "value",
    [
        Decimal("12.3400"),
        dt.date(2026, 2, 28),
        dt.datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=dt.UTC),
        {"lines": [["create", [{"unit_price": Decimal("0.10"), "note": None}]]]},
    ],
)
def test_dialect_round_trip(value: Any) -> None:
    assert loads(dumps(value)) == value


def test_fractions_never_become_floats() -> None:
    assert loads(b'{"quantity":0.1}') == {"quantity": Decimal("0.1")}


def test_foreign_type_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        dumps({1, 2})


@asynccontextmanager
async def client_of(handler: Handler, timeout_s: float = 5.0) -> AsyncIterator[TrytonClient]:
    """A client of a server that knows how to log in and leaves every other call to `handler`."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        if body["method"] == "common.db.login":
            return web.json_response({"id": body["id"], "result": [1, "token", None]})
        if body["method"].endswith("get_preferences"):
            return web.json_response({"id": body["id"], "result": {"company": 1}})
        return await handler(body)

    app = web.Application()
    app.router.add_post("/db/rpc/", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield TrytonClient(
            http, base_url=str(server.make_url("/")), database="db", user="u", password="p", timeout_s=timeout_s
        )


async def outcome(handler: Handler, timeout_s: float = 5.0) -> UpstreamError:
    async with client_of(handler, timeout_s) as client:
        with pytest.raises(UpstreamError) as caught:
            await client.call("model.x.read", [1])
        return caught.value


def answers(status: int, text: str) -> Handler:
    async def handler(_: dict[str, Any]) -> web.Response:
        return web.Response(status=status, text=text)

    return handler


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (401, "", TrytonLoginRefused),
        (403, "", UpstreamRefused),
        (404, "", UpstreamRefused),
        (429, "", TrytonLoginRefused),
        (500, "", UpstreamMalformed),
        (503, "", UpstreamUnavailable),
        (200, "<html>", UpstreamMalformed),
        (200, '{"result":' + "[" * 100 + "]" * 100 + "}", UpstreamMalformed),
        (200, "[]", UpstreamMalformed),
        (200, "{}", UpstreamMalformed),
        (200, '{"result":{"__class__":"date","year":2026}}', UpstreamMalformed),
        (200, '{"error":["UserError",["no","why",null]]}', TrytonRefused),
        (200, '{"error":["UserWarning",["key","sure?",""]]}', TrytonWarning),
        (200, '{"error":["LoginException",["code","?","char"]]}', TrytonLoginRefused),
        (200, '{"error":["boom","traceback"]}', UpstreamMalformed),
        (200, '{"error":7}', UpstreamMalformed),
    ],
)
async def test_failures_are_told_apart(status: int, text: str, expected: type[UpstreamError]) -> None:
    assert type(await outcome(answers(status, text))) is expected


async def test_warning_carries_the_key_that_confirms_it() -> None:
    warning = await outcome(answers(200, '{"error":["UserWarning",["key","sure?",""]]}'))
    assert isinstance(warning, TrytonWarning)
    assert warning.name == "key"


async def test_slow_server_is_a_timeout() -> None:
    async def never(_: dict[str, Any]) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert isinstance(await outcome(never, timeout_s=0.1), UpstreamTimeout)


async def test_nobody_listening_is_unavailable() -> None:
    async with aiohttp.ClientSession() as http:
        client = TrytonClient(http, base_url="http://127.0.0.1:1", database="db", user="u", password="p")
        with pytest.raises(UpstreamUnavailable):
            await client.call("model.x.read", [1])


async def test_ended_session_is_renewed_once_and_context_travels() -> None:
    seen: list[Any] = []

    async def first_expired(body: dict[str, Any]) -> web.Response:
        seen.append(body["params"])
        if len(seen) == 1:
            return web.Response(status=401)
        return web.Response(text=json.dumps({"id": body["id"], "result": 7}))

    async with client_of(first_expired) as client:
        assert await client.call("model.x.count", [1], context={"date": dt.date(2026, 1, 1)}) == 7
    sent_date = {"__class__": "date", "year": 2026, "month": 1, "day": 1}
    assert seen == [[[1], {"company": 1, "date": sent_date}]] * 2
