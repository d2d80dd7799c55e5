"""Receivables whose buyer did not pay on the due date, as later decisions see them."""

from __future__ import annotations

from datetime import date

from hub.lending.loans.store import ClearingRow


async def overdue_of_buyer(buyer_uscc: str) -> int:
    """How many receivables of a buyer are unpaid after their due date."""
    return await ClearingRow.filter(buyer_uscc=buyer_uscc, overdue=True).count()


async def note_overdue(receivable_id: str, buyer_uscc: str, since: date) -> None:
    """Remembers that a receivable was not paid; again it changes nothing."""
    defaults = {"buyer_uscc": buyer_uscc, "overdue": True, "overdue_since": since}
    await ClearingRow.get_or_create(receivable_id=receivable_id, defaults=defaults)


async def note_paid(receivable_id: str, on: date) -> None:
    """It was paid late."""
    await ClearingRow.filter(receivable_id=receivable_id).update(overdue=False, paid_on=on)
