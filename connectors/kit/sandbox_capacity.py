"""How fast a sandbox agency works, where that matters: each answer takes a while, and only so many are in work at once.

Off by default. Benchmarks switch it on, because an agency that answers from memory in half a millisecond is none that
anybody will meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# The sandbox's notice and its health are nobody's question.
_FREE = frozenset({"/", "/health"})


def limit_capacity(app: web.Application, service_time_s: float, workers: int) -> None:
    """Let every answer take `service_time_s` seconds longer, `workers` of them at a time; the others queue."""
    places = asyncio.Semaphore(workers)

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _FREE:
            return await handler(request)
        async with places:
            await asyncio.sleep(service_time_s)
            return await handler(request)

    app.middlewares.append(serve)
