"""The application: screens, problems, OpenAPI at `/openapi.json`, health at `/health`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Huilian

from mini_program_api.base import HUB, TRUST
from mini_program_api.bodies import well_formed
from mini_program_api.openapi import specification
from mini_program_api.problems import problem_response, problems
from mini_program_api.screens import (
    accesses,
    account_openings,
    auctions,
    catalogue,
    certificates,
    consent_life,
    consents,
    dealer_loans,
    delegations,
    disputes,
    documents,
    financings,
    flash_loans,
    loans,
    login,
    notices,
    order_loans,
    payments,
    preview,
    privacy,
    products,
    public_records,
    receivables,
    registration,
    signers,
    status,
)

MAX_BODY_BYTES = 256 * 1024
SCREENS = (
    registration,
    login,
    catalogue,
    consent_life,
    consents,
    delegations,
    preview,
    public_records,
    payments,
    documents,
    flash_loans,
    loans,
    accesses,
    notices,
    privacy,
    receivables,
    disputes,
    certificates,
    financings,
    order_loans,
    dealer_loans,
    products,
    auctions,
    account_openings,
    signers,
    status,
)
# Personal answers belong in no cache; nothing here is meant to be framed or guessed at.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


def create_app(hub: Huilian, trust: Callable[[], TrustAnchors | None] = lambda: None) -> web.Application:
    """The application in front of this hub; the caller closes the hub's client.

    Identities are sealed only to keys that `trust` pins at that moment; without it, to those that the hub offers.
    """
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_headers, problems, well_formed])
    app[HUB], app[TRUST] = hub, trust
    for screen in SCREENS:
        app.router.add_routes(screen.routes())
    app.router.add_get("/health", _health)
    app.router.add_get("/openapi.json", _describe)
    return app


async def _describe(request: web.Request) -> web.Response:
    return web.json_response(specification(request.app))


async def _health(request: web.Request) -> web.Response:
    """Whether the hub behind answers."""
    try:
        await request.app[HUB].consents.purposes()
    except HuilianError as error:
        return problem_response(error, status=503)
    return web.json_response({"status": "ok"})


@web.middleware
async def _headers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
    return response
