"""Statements on what the tax authority said of invoices."""

from __future__ import annotations

import datetime as dt

from hub.receivables.authenticity.store import InvoiceCheckRow


async def add(receivable_id: str, digest: bytes, outcome: str, now: dt.datetime) -> None:
    """One more answer."""
    await InvoiceCheckRow.create(receivable_id=receivable_id, invoice_sha256=digest, outcome=outcome, checked_at=now)


async def newest(receivable_id: str) -> InvoiceCheckRow | None:
    """The last answer about a receivable's invoice."""
    return await InvoiceCheckRow.filter(receivable_id=receivable_id).order_by("-id").first()
