"""Statements on sales and on the consents to their use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from huilian_protocol.errors import HuilianError
from tortoise.functions import Sum

from hub.receivables.ports import Sale
from hub.receivables.sales.store import SaleRow, SalesConsentRow, SalesCursorRow

_FIELDS = tuple(Sale.__dataclass_fields__)
CANCELLED = "cancelled"


async def cursor_of(core_uscc: str) -> str:
    """How far the sales were read; empty for not at all."""
    row = await SalesCursorRow.get_or_none(core_uscc=core_uscc)
    return row.cursor if row else ""


async def move_cursor(core_uscc: str, before: str, after: str) -> None:
    """Set the cursor unless somebody else moved it since it was read; then their progress stands."""
    if not before:
        _, is_new = await SalesCursorRow.get_or_create(core_uscc=core_uscc, defaults={"cursor": after})
        if is_new:
            return
    await SalesCursorRow.filter(core_uscc=core_uscc, cursor=before).update(cursor=after)


async def save(sale: Sale) -> bool:
    """Keeps the newest version; False when nothing is new. Raises PROVIDER_FAULT for one version with two contents."""
    columns = {name: getattr(sale, name) for name in _FIELDS}
    row, is_new = await SaleRow.get_or_create(core_uscc=sale.core_uscc, document_id=sale.document_id, defaults=columns)
    if is_new or sale.version > row.version:
        await SaleRow.filter(id=row.id).update(**columns)
        return True
    if sale.version == row.version and sale != _sale(row):
        raise HuilianError("PROVIDER_FAULT", "one version of a sale with two contents", provider="ERP")
    return False


async def purchases(core_uscc: str, dealer_uscc: str) -> list[Sale]:
    """What a dealer bought and did not give back, oldest first."""
    rows = SaleRow.filter(core_uscc=core_uscc, dealer_uscc=dealer_uscc).exclude(state=CANCELLED)
    return [_sale(row) for row in await rows.order_by("issue_date", "document_id")]


async def totals(core_uscc: str, since: dt.date) -> dict[str, int]:
    """What each dealer bought since a day, in fen."""
    rows = SaleRow.filter(core_uscc=core_uscc, issue_date__gte=since).exclude(state=CANCELLED)
    summed = await rows.annotate(total=Sum("amount_fen")).group_by("dealer_uscc").values("dealer_uscc", "total")
    return {row["dealer_uscc"]: int(row["total"]) for row in summed}


async def set_consent(core_uscc: str, party_uscc: str, since: dt.datetime | None) -> None:
    """Writes a consent, or takes it away; again it changes nothing."""
    if since is None:
        await SalesConsentRow.filter(core_uscc=core_uscc, party_uscc=party_uscc).delete()
    else:
        await SalesConsentRow.get_or_create(core_uscc=core_uscc, party_uscc=party_uscc, defaults={"since": since})


async def consenting(core_uscc: str, parties: Collection[str]) -> set[str]:
    """Which of these parties consent."""
    rows = await SalesConsentRow.filter(core_uscc=core_uscc, party_uscc__in=list(parties))
    return {row.party_uscc for row in rows}


def _sale(row: SaleRow) -> Sale:
    return Sale(**{name: getattr(row, name) for name in _FIELDS})
