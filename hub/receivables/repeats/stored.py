"""Statements on findings of the rules of fraud."""

from __future__ import annotations

import datetime as dt

from huilian_protocol.errors import HuilianError

from hub.platform.paging import Page
from hub.receivables.repeats.rules import Finding
from hub.receivables.repeats.store import FindingRow

__all__ = ["FindingRow", "add", "close", "open_of", "page"]


async def add(receivable_id: str, finding: Finding, version: str, is_open: bool, now: dt.datetime) -> None:
    """Keep a finding; one that is known stays as it is, so that the bank's word on it stands."""
    await FindingRow.get_or_create(
        receivable_id=receivable_id,
        rule=finding.rule.value,
        defaults={
            "rules_version": version,
            "repeats": list(finding.repeats),
            "is_open": is_open,
            "found_at": now,
        },
    )


async def open_of(receivable_id: str) -> list[str]:
    """The rules that wait for a look at a receivable."""
    return [row.rule for row in await FindingRow.filter(receivable_id=receivable_id, is_open=True)]


async def close(receivable_id: str, rule: str, note: str, now: dt.datetime) -> bool:
    """Write that somebody looked; False when there is no such finding."""
    row = await FindingRow.filter(receivable_id=receivable_id, rule=rule).select_for_update().first()
    if row is None:
        return False
    if row.is_open:
        await FindingRow.filter(id=row.id).update(is_open=False, note=note, looked_at=now)
    return True


async def page(size: int, token: str) -> Page[FindingRow]:
    """Findings, the newest first; the token is a row's number. Raises INVALID_ARGUMENT for a foreign token."""
    rows = FindingRow.all()
    if token:
        if not (token.isascii() and token.isdigit() and len(token) < 19):
            raise HuilianError("INVALID_ARGUMENT", "not a page token of this list", field="page_token")
        rows = rows.filter(id__lt=int(token))
    found = await rows.order_by("-id").limit(size + 1)
    return Page(tuple(found[:size]), str(found[size - 1].id) if len(found) > size else "")
