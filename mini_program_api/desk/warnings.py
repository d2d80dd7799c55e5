"""Early warnings: seen, acknowledged, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import warning_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.desk.forms import Word
from mini_program_api.forms import PageSize, PageToken, Reason, reasons_of

WarningId = Annotated[str, Field(pattern=r"^[A-Z_]{1,32}:[A-Z]{1,10}:[A-Za-z0-9_-]{1,64}:[0-9-]{10}$")]
LEVELS = {value: name.removeprefix("WARNING_LEVEL_") for name, value in pb.WarningLevel.items()}
STATES = {value: name.removeprefix("WARNING_STATE_") for name, value in pb.WarningState.items()}
KINDS = {value: name.removeprefix("WARNING_SUBJECT_KIND_") for name, value in pb.WarningSubjectKind.items()}


class Warning(BaseModel):
    """One warning; `facts` are what was counted, amounts in fen."""

    warning_id: str
    rule: Reason
    subject_kind: str
    subject: str
    business_day: str
    level: str
    state: str
    facts: Mapping[str, int]
    acknowledged_by: str
    acknowledged_reason: str


class Warnings(BaseModel):
    """A page of warnings, newest first."""

    warnings: list[Warning]
    next_page_token: str


class WarningsScreen(Screen):
    """GET /api/v1/desk/warnings"""

    async def get(self, only_open: bool = True, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Warnings]:
        """What the rules found.

        Tags: desk
        """
        listed = self.hub.warnings.list(only_open=only_open)
        page = await listed.page(page_token=page_token, page_size=page_size)
        return answer(Warnings(warnings=[_warning(one) for one in page.items], next_page_token=page.next_page_token))


class AcknowledgeScreen(Screen):
    """POST /api/v1/desk/warnings/{warning_id}/acknowledge"""

    async def post(self, warning_id: WarningId, /, body: Word) -> r200[Warning]:
        """Seen, and what is done.

        Tags: desk
        """
        call = self.call()
        return answer(_warning(await self.hub.warnings.acknowledge(warning_id, body.reason, call=call)), call)


class ResolveScreen(Screen):
    """POST /api/v1/desk/warnings/{warning_id}/resolve"""

    async def post(self, warning_id: WarningId, /, body: Word) -> r200[Warning]:
        """Dealt with.

        Tags: desk
        """
        call = self.call()
        return answer(_warning(await self.hub.warnings.resolve(warning_id, body.reason, call=call)), call)


def _warning(one: pb.Warning) -> Warning:
    return Warning(
        warning_id=one.warning_id,
        rule=reasons_of([one.rule])[0],
        subject_kind=KINDS[one.subject_kind],
        subject=one.subject,
        business_day=one.business_day,
        level=LEVELS[one.level],
        state=STATES[one.state],
        facts=dict(one.facts),
        acknowledged_by=one.acknowledged_by,
        acknowledged_reason=one.acknowledged_reason,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    base = "/api/v1/desk/warnings"
    return [
        web.view(base, WarningsScreen),
        web.view(f"{base}/{{warning_id}}/acknowledge", AcknowledgeScreen),
        web.view(f"{base}/{{warning_id}}/resolve", ResolveScreen),
    ]
