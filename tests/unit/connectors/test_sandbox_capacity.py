"""A sandbox with a service time takes it, works on so many at once, and leaves its health alone."""

from __future__ import annotations

import asyncio
import time

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connectors.kit.sandbox_capacity import limit_capacity
from connectors.kit.sandbox_server import Faults, make_app


async def test_answers_take_their_time_and_queue_for_a_worker() -> None:
    at_work, most = 0, 0

    async def answer(request: web.Request, body: bytes) -> web.Response:
        return web.Response(text="ok")

    app = make_app("某中心", "/ask", answer, Faults())

    @web.middleware
    async def watch(request: web.Request, handler: object) -> web.StreamResponse:
        nonlocal at_work, most
        at_work, most = at_work + 1, max(most, at_work + 1)
        try:
            return await handler(request)  # type: ignore[operator,no-any-return]
        finally:
            at_work -= 1

    limit_capacity(app, service_time_s=0.05, workers=2)
    app.middlewares.append(watch)
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as client:
        started = time.monotonic()
        await asyncio.gather(*(client.post("/ask") for _ in range(6)))
        took_s = time.monotonic() - started
        started = time.monotonic()
        await asyncio.gather(*(client.get("/health") for _ in range(6)))
        assert time.monotonic() - started < took_s
    assert took_s >= 3 * 0.05 and most <= 2
