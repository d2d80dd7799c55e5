"""The built pages of `web/`: one HTML file each, whose own policy names its script and style by hash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

# What a page may do stands in the page itself (web/build/single-file.ts); a frame it cannot forbid from inside.
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
}


def add_page(app: web.Application, path: str, file: Path) -> None:
    """Serve a built page. Raises OSError when it was not built."""
    app.router.add_get(path, _serving(file.read_text(encoding="utf-8")))


def _serving(html: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html", charset="utf-8", headers=_HEADERS)

    return serve
