"""The application: screens, problems, OpenAPI at `/openapi.json`, health at `/health`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from aiohttp import web
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Huilian

from mini_program_api.base import CLOCK, HUB, SANDBOX, TRUST
from mini_program_api.bodies import well_formed
from mini_program_api.desk import account_openings as openings_desk
from mini_program_api.desk import cases, decisions, freezes, referrals, site, warnings
from mini_program_api.desk import dealer_loans as dealer_referrals
from mini_program_api.desk import payments as payments_desk
from mini_program_api.desk import restructurings as restructurings_desk
from mini_program_api.openapi import specification
from mini_program_api.pages import add_page
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
    notifications,
    order_loans,
    payments,
    preview,
    privacy,
    products,
    public_records,
    receivables,
    registration,
    restructurings,
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
    restructurings,
    accesses,
    notices,
    notifications,
    site,
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


# Nothing that a citizen uses: what is not served cannot be reached.
DESK_SCREENS = (
    login,
    notifications,
    site,
    warnings,
    referrals,
    dealer_referrals,
    freezes,
    payments_desk,
    cases,
    decisions,
    openings_desk,
    restructurings_desk,
)


def create_app(
    hub: Huilian,
    trust: Callable[[], TrustAnchors | None] = lambda: None,
    web_dir: Path | None = None,
    *,
    sandbox: bool = False,
    clock: Clock | None = None,
) -> web.Application:
    """The application in front of this hub; the caller closes the hub's client.

    Identities are sealed only to keys that `trust` pins at that moment; without it, to those that the hub offers.
    `web_dir` holds the built pages, which say so where everything is a `sandbox`. With a `clock`, and anchors to check
    against, nobody is asked to sign for another day than today.
    """
    pages = {} if web_dir is None else {"/notices/": web_dir / "notices", "/zone/": web_dir / "zone"}
    app = _application(hub, trust, SCREENS, pages)
    app[SANDBOX], app[CLOCK] = sandbox, clock
    return app


def create_desk(hub: Huilian, web_dir: Path | None = None, *, sandbox: bool = False) -> web.Application:
    """The operators' application. `hub` is reached over mutual TLS: operators' tokens are bound to its certificate."""
    app = _application(hub, lambda: None, DESK_SCREENS, {} if web_dir is None else {"/desk/": web_dir / "desk"})
    app[SANDBOX] = sandbox
    return app


def _application(
    hub: Huilian,
    trust: Callable[[], TrustAnchors | None],
    screens: Sequence[ModuleType],
    pages: Mapping[str, Path],
) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_headers, problems, well_formed])
    app[HUB], app[TRUST] = hub, trust
    for screen in screens:
        app.router.add_routes(screen.routes())
    for path, folder in pages.items():
        add_page(app, path, folder / "index.html")
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
