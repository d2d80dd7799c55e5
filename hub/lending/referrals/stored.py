"""SQL of what decision tables leave to a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from tortoise.expressions import Q

from hub.lending.store import ReferralRow
from hub.platform.paging import Page, after_token, page_of


class ReferralState(StrEnum):
    """ENDED: withdrawn, or too late, before anybody decided."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Referral:
    """An application that waits for a person, and what persons said; the amount in fen.

    `proposal` is "APPROVE" or "REJECT": the first person's word where two are needed.
    """

    application_id: str
    product_id: str
    applicant: str
    amount_fen: int
    decision_id: str
    reason_codes: tuple[str, ...]
    state: ReferralState
    created_at: datetime
    proposed_by: str = ""
    proposal: str = ""
    proposal_reason: str = ""
    decided_by: str = ""
    decided_reason: str = ""


_SAME = tuple(name for name in Referral.__dataclass_fields__ if name not in ("reason_codes", "state"))


async def add(referral: Referral) -> None:
    """A new one."""
    columns = {name: getattr(referral, name) for name in _SAME}
    await ReferralRow.create(**columns, reason_codes=list(referral.reason_codes), state=referral.state.value)


async def find(application_id: str) -> Referral | None:
    """One, or None."""
    row = await ReferralRow.get_or_none(application_id=application_id)
    return None if row is None else _referral(row)


async def save(referral: Referral, **changes: Any) -> Referral:
    """What a person said of an open one, under its lock."""
    after = replace(referral, **changes)
    columns = {name: getattr(after, name) for name in _SAME if name != "application_id"}
    open_one = ReferralRow.filter(application_id=referral.application_id, state=ReferralState.OPEN.value)
    if await open_one.update(**columns, state=after.state.value) != 1:
        raise AssertionError("an open referral is changed under its application's lock only")
    return after


async def end(application_id: str) -> None:
    """The application ended before anybody decided."""
    rows = ReferralRow.filter(application_id=application_id, state=ReferralState.OPEN.value)
    await rows.update(state=ReferralState.ENDED.value)


async def page(only_open: bool, size: int, token: str) -> Page[Referral]:
    """Referrals, newest first. Raises INVALID_ARGUMENT for a foreign token."""
    wanted = Q(state=ReferralState.OPEN.value) if only_open else Q()
    rows = ReferralRow.filter(wanted & after_token(token, ReferralRow, "application_id"))
    found = await rows.order_by("-created_at", "-application_id").limit(size + 1)
    return page_of(found, size, "application_id", _referral)


def _referral(row: ReferralRow) -> Referral:
    columns: dict[str, Any] = {name: getattr(row, name) for name in _SAME}
    return Referral(**columns, reason_codes=tuple(row.reason_codes), state=ReferralState(row.state))
