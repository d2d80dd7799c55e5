"""Bodies are checked once, before any handler: JSON in UTF-8, of bounded size and depth, or a file for some."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError

FILE: web.RequestKey[bytes] = web.RequestKey("file", bytes)
_CHUNK_BYTES = 64 * 1024


@web.middleware
async def well_formed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a body that is no JSON text: 415 for another media type or charset, INVALID_ARGUMENT for anything else.

    Raises `HTTPRequestEntityTooLarge` for one that is too large. Handlers read the same bytes again.
    """
    screen = request.match_info.handler
    if getattr(screen, "file_types", ()) and request.method == "POST":
        request[FILE] = await _file(request, screen)
    elif request.body_exists:
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
            raise web.HTTPUnsupportedMediaType(reason="send application/json in UTF-8")
        try:
            parse_json(await request.read())
        except ValueError:
            # The parser's own words could quote what was sent.
            raise HuilianError("INVALID_ARGUMENT", "not JSON, or nested too deeply", field="request") from None
    return await handler(request)


async def _file(request: web.Request, screen: Any) -> bytes:
    """The body of a screen that takes files: 415 for a media type that it does not take, 413 beyond its size."""
    if request.content_type not in screen.file_types:
        raise web.HTTPUnsupportedMediaType(reason=f"send one of {', '.join(screen.file_types)}")
    content = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > screen.file_most_bytes:
            raise web.HTTPRequestEntityTooLarge(max_size=screen.file_most_bytes, actual_size=len(content))
    return bytes(content)
