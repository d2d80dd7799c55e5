"""SQL of part payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tortoise.expressions import Q

from hub.lending.loans.store import PartPaymentRow
from hub.platform.paging import Page, after_token, page_of


@dataclass(frozen=True)
class PartPayment:
    """A payment on a receivable, in fen. `unpaid_fen` is what the buyer owed on it afterwards."""

    payment_id: str
    receivable_id: str
    payer: str
    amount_fen: int
    value_date: date
    unpaid_fen: int


async def exists(payment_id: str) -> bool:
    """Whether a payment was booked under this id."""
    return await PartPaymentRow.exists(payment_id=payment_id)


async def add(payment: PartPayment, now: datetime) -> None:
    """Writes a payment, for good."""
    await PartPaymentRow.create(**payment.__dict__, created_at=now)


async def page_of_receivable(receivable_id: str, size: int, token: str) -> Page[PartPayment]:
    """The payments on a receivable, newest first."""
    query = PartPaymentRow.filter(Q(receivable_id=receivable_id) & after_token(token, PartPaymentRow, "payment_id"))
    rows = await query.order_by("-created_at", "-payment_id").limit(size + 1)
    return page_of(rows, size, "payment_id", _payment)


def _payment(row: PartPaymentRow) -> PartPayment:
    return PartPayment(**{name: getattr(row, name) for name in PartPayment.__dataclass_fields__})
