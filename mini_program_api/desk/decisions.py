"""How decisions were made: by the tables or by persons, and why."""

from __future__ import annotations

from datetime import date

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from pydantic import BaseModel

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Reason, reasons_of


class ReasonCount(BaseModel):
    """How often a reason was given."""

    reason: Reason
    count: int


class DecisionCounts(BaseModel):
    """Decisions of one table; `automatic_share` is the part that no person decided, decimal text."""

    table: str
    total: int
    approved: int
    rejected: int
    referred: int
    automatic_share: str
    reasons: list[ReasonCount]


class DecisionReport(BaseModel):
    """Every table that decided something."""

    tables: list[DecisionCounts]


class DecisionsScreen(Screen):
    """GET /api/v1/desk/decisions"""

    async def get(self, from_day: date, to_day: date) -> r200[DecisionReport]:
        """How decisions of these days were made, both included.

        Tags: desk
        """
        tables = await self.hub.credit.decisions(from_day, to_day)
        counts = [
            DecisionCounts(
                table=one.table,
                total=one.total,
                approved=one.approved,
                rejected=one.rejected,
                referred=one.referred,
                automatic_share=one.automatic_share,
                reasons=[ReasonCount(reason=reasons_of([each.reason])[0], count=each.count) for each in one.reasons],
            )
            for one in tables
        ]
        return answer(DecisionReport(tables=counts))


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [web.view("/api/v1/desk/decisions", DecisionsScreen)]
