"""Applications for accounts as the bank sees them, and the closing of an account that was opened through one."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from pydantic import Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, PageSize, PageToken
from mini_program_api.screens.account_openings import ApplicationId, Opening, Openings, opening_of

# fmt: off
State = Literal[
    "UNSPECIFIED", "DRAFT", "NEEDS_CORRECTION", "REFERRED", "PASSED", "BOOKED", "INCOMPLETE", "OPENED", "REFUSED",
    "WITHDRAWN", "EXPIRED",
]
# fmt: on
Uscc = Annotated[str, Field(pattern=r"^([0-9A-Z]{18})?$")]


class ClosureForm(Form):
    """The day in China on which the account was closed, today at the latest."""

    closed_day: date


class OpeningsScreen(Screen):
    """GET /api/v1/desk/account-openings"""

    async def get(
        self, state: State = "UNSPECIFIED", uscc: Uscc = "", page_token: PageToken = "", page_size: PageSize = 50
    ) -> r200[Openings]:
        """Everybody's applications, or one enterprise's, newest first.

        Tags: desk
        """
        listed = self.hub.openings.list(state=pb.OpeningState.Value(f"OPENING_STATE_{state}"), uscc=uscc)
        page = await listed.page(page_token=page_token, page_size=page_size)
        shown = [opening_of(one) for one in page.items]
        return answer(Openings(openings=shown, next_page_token=page.next_page_token))


class ClosureScreen(Screen):
    """POST /api/v1/desk/account-openings/{application_id}/closure"""

    async def post(self, application_id: ApplicationId, /, body: ClosureForm) -> r200[Opening]:
        """The account was closed; from that day its documents are kept for the term of the law.

        Tags: desk
        """
        call = self.call()
        return answer(
            opening_of(await self.hub.openings.close_account(application_id, body.closed_day, call=call)), call
        )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    base = "/api/v1/desk/account-openings"
    return [web.view(base, OpeningsScreen), web.view(f"{base}/{{application_id}}/closure", ClosureScreen)]
