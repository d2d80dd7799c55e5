"""Statements on receivables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from huilian_protocol.errors import HuilianError
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from hub.platform.database import Database
from hub.platform.paging import Page, after_token, page_of
from hub.receivables.model import Receivable
from hub.receivables.reasons import Reason
from hub.receivables.states import ReceivableEvent, ReceivableState, next_receivable_state
from hub.receivables.store import ReceivableRow


async def find(receivable_id: str) -> Receivable | None:
    """The receivable, not locked."""
    row = await ReceivableRow.get_or_none(receivable_id=receivable_id)
    return _receivable(row) if row else None


async def lock(receivable_id: str) -> Receivable | None:
    """The receivable, locked until the transaction ends (on SQLite the whole database is)."""
    row = await ReceivableRow.filter(receivable_id=receivable_id).select_for_update(no_key=True).first()
    return _receivable(row) if row else None


async def lock_of_invoices(buyer_uscc: str, invoice_document_ids: Collection[str]) -> dict[str, Receivable]:
    """Receivables by invoice document id, locked in the order of their ids."""
    rows = ReceivableRow.filter(buyer_uscc=buyer_uscc, invoice_document_id__in=list(invoice_document_ids))
    return {
        row.invoice_document_id: _receivable(row)
        for row in await rows.order_by("receivable_id").select_for_update(no_key=True)
    }


async def of_invoices(buyer_uscc: str, invoice_document_ids: Collection[str]) -> list[Receivable]:
    """Receivables of these invoices, not locked."""
    rows = ReceivableRow.filter(buyer_uscc=buyer_uscc, invoice_document_id__in=list(invoice_document_ids))
    return [_receivable(row) for row in await rows.order_by("receivable_id")]


async def insert(receivable: Receivable, now: dt.datetime) -> None:
    """Add a new receivable."""
    await ReceivableRow.create(**_columns(receivable), receivable_id=receivable.receivable_id, created_at=now)


async def replace_draft(receivable: Receivable, before: ReceivableState) -> None:
    """Write a receivable that the buyer has not signed as its documents now stand."""
    count = await ReceivableRow.filter(receivable_id=receivable.receivable_id, state=before.value).update(
        **_columns(receivable)
    )
    _require_written(count, receivable)


async def move(receivable: Receivable, event: ReceivableEvent) -> Receivable:
    """Change the state only. Raises STATE_CONFLICT when the tables do not allow it."""
    after = replace(receivable, state=next_receivable_state(receivable.state, event))
    count = await ReceivableRow.filter(receivable_id=receivable.receivable_id, state=receivable.state.value).update(
        state=after.state.value
    )
    _require_written(count, receivable)
    return after


async def confirm(receivable: Receivable, now: dt.datetime) -> Receivable:
    """The buyer signed."""
    state = next_receivable_state(receivable.state, ReceivableEvent.CONFIRM)
    count = await ReceivableRow.filter(receivable_id=receivable.receivable_id, state=receivable.state.value).update(
        state=state.value, confirmed_at=now
    )
    _require_written(count, receivable)
    return replace(receivable, state=state, confirmed_at=now)


async def set_amounts(receivable: Receivable, issued_fen: int, redeemed_fen: int, state: ReceivableState) -> Receivable:
    """Write the certificated and redeemed amounts, and the state that follows from them."""
    count = await ReceivableRow.filter(
        receivable_id=receivable.receivable_id,
        state=receivable.state.value,
        issued_fen=receivable.issued_fen,
        redeemed_fen=receivable.redeemed_fen,
    ).update(issued_fen=issued_fen, redeemed_fen=redeemed_fen, state=state.value)
    _require_written(count, receivable)
    return replace(receivable, issued_fen=issued_fen, redeemed_fen=redeemed_fen, state=state)


async def set_direct(receivable: Receivable, direct_fen: int) -> Receivable:
    """Write what was paid of the part over which no certificate is out."""
    count = await ReceivableRow.filter(
        receivable_id=receivable.receivable_id, issued_fen=receivable.issued_fen, direct_fen=receivable.direct_fen
    ).update(direct_fen=direct_fen)
    _require_written(count, receivable)
    return replace(receivable, direct_fen=direct_fen)


async def credit(receivable: Receivable, credited_fen: int) -> Receivable:
    """Take an amount off what is owed beyond the certificates that are out."""
    after = replace(
        receivable,
        amount_fen=receivable.amount_fen - credited_fen,
        credited_fen=receivable.credited_fen + credited_fen,
    )
    count = await ReceivableRow.filter(
        receivable_id=receivable.receivable_id,
        amount_fen=receivable.amount_fen,
        issued_fen=receivable.issued_fen,
        direct_fen=receivable.direct_fen,
    ).update(amount_fen=after.amount_fen, credited_fen=after.credited_fen)
    _require_written(count, receivable)
    return after


async def claim_invoice_number(database: Database, receivable: Receivable, key: str) -> bool:
    """Whether this receivable is the only one that rests on its supplier's invoice number, from now on for good."""
    try:
        async with database.savepoint():
            await ReceivableRow.filter(receivable_id=receivable.receivable_id).update(invoice_key=key)
    except IntegrityError:
        return False
    return True


async def with_invoice_key(key: str) -> Receivable | None:
    """The receivable that rests on an invoice number."""
    row = await ReceivableRow.get_or_none(invoice_key=key)
    return _receivable(row) if row else None


async def neighbours(receivable: Receivable, days: int, limit: int) -> list[Receivable]:
    """Other receivables of the same parties that rest on a matched invoice of about the same day, the newest first."""
    around = dt.timedelta(days=days)
    rows = ReceivableRow.filter(
        buyer_uscc=receivable.buyer_uscc,
        supplier_uscc=receivable.supplier_uscc,
        issue_date__gte=receivable.issue_date - around,
        issue_date__lte=receivable.issue_date + around,
        invoice_key__isnull=False,
    ).exclude(receivable_id=receivable.receivable_id)
    return [_receivable(row) for row in await rows.order_by("-created_at", "-receivable_id").limit(limit)]


async def release_invoice_number(receivable: Receivable) -> None:
    """The receivable no longer rests on a matched invoice."""
    await ReceivableRow.filter(receivable_id=receivable.receivable_id).update(invoice_key=None)


async def page_of_party(uscc: str, page_size: int, token: str) -> Page[Receivable]:
    """Receivables that the enterprise owes or owns, newest first."""
    mine = Q(buyer_uscc=uscc) | Q(supplier_uscc=uscc)
    query = ReceivableRow.filter(mine & after_token(token, ReceivableRow, "receivable_id"))
    rows = await query.order_by("-created_at", "-receivable_id").limit(page_size + 1)
    return page_of(rows, page_size, "receivable_id", _receivable)


async def due(
    on: dt.date, states: Collection[ReceivableState], limit: int, after: tuple[dt.date, str] | None
) -> list[Receivable]:
    """Receivables in these states that are due on or before a date, the oldest first, behind `after` if given."""
    rows = ReceivableRow.filter(due_date__lte=on, state__in=[state.value for state in states])
    if after is not None:
        rows = rows.filter(Q(due_date__gt=after[0]) | Q(due_date=after[0], receivable_id__gt=after[1]))
    return [_receivable(row) for row in await rows.order_by("due_date", "receivable_id").limit(limit)]


def _require_written(count: int, receivable: Receivable) -> None:
    if count != 1:
        raise HuilianError("STATE_CONFLICT", "the receivable changed meanwhile", state=receivable.state)


def _columns(receivable: Receivable) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: getattr(receivable, name) for name in receivable.__slots__ if name != "receivable_id"
    }
    columns["state"] = receivable.state.value
    columns["reasons"] = [asdict(reason) for reason in receivable.reasons]
    return columns


def _receivable(row: ReceivableRow) -> Receivable:
    return Receivable(
        receivable_id=row.receivable_id,
        state=ReceivableState(row.state),
        buyer_uscc=row.buyer_uscc,
        supplier_uscc=row.supplier_uscc,
        supplier_name=row.supplier_name,
        invoice_document_id=row.invoice_document_id,
        invoice_number=row.invoice_number,
        issue_date=row.issue_date,
        due_date=row.due_date,
        amount_fen=row.amount_fen,
        issued_fen=row.issued_fen,
        redeemed_fen=row.redeemed_fen,
        reasons=tuple(Reason(**reason) for reason in row.reasons),
        evidence=row.evidence,
        confirmed_at=row.confirmed_at,
        direct_fen=row.direct_fen,
        credited_fen=row.credited_fen,
    )
