"""Bodies are checked once, before any handler: JSON in UTF-8, of bounded size and depth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError


@web.middleware
async def well_formed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a body that is no JSON text: 415 for another media type or charset, INVALID_ARGUMENT for anything else.

    Raises `HTTPRequestEntityTooLarge` for one that is too large. Handlers read the same bytes again.
    """
    if request.body_exists:
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
            raise web.HTTPUnsupportedMediaType(reason="send application/json in UTF-8")
        try:
            parse_json(await request.read())
        except ValueError:
            # The parser's own words could quote what was sent.
            raise HuilianError("INVALID_ARGUMENT", "not JSON, or nested too deeply", field="request") from None
    return await handler(request)
