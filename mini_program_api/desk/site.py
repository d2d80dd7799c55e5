"""What a page needs to sign in: whom to address and the hub's time."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian_protocol.clock import format_time
from pydantic import BaseModel

from mini_program_api.base import SANDBOX, Screen, answer


class Site(BaseModel):
    """The audience of client assertions, the time by which the hub lives, and whether everything is invented."""

    origin: str
    now: str
    sandbox: bool


class SiteScreen(Screen):
    """GET /api/v1/site"""

    signed_in = False

    async def get(self) -> r200[Site]:
        """Whom to address.

        Tags: login
        """
        keys = await self.anonymous.identity.key_set()
        now, sandbox = await self.anonymous.sandbox.now(), self.received.app[SANDBOX]
        return answer(Site(origin=keys.origin, now=format_time(now), sandbox=sandbox))


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [web.view("/api/v1/site", SiteScreen)]
