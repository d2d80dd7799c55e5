"""SQL of payments that are posted back to ERPs."""

from __future__ import annotations

from collections.abc import Sequence

from hub.lending.erp.rules import ErpPayment, ErpPaymentState
from hub.lending.erp.store import ErpPaymentRow
from hub.platform.paging import Page, after_token, page_of

_FIELDS = tuple(ErpPayment.__dataclass_fields__)


async def add(payment: ErpPayment) -> None:
    """Writes a payment that is to be posted."""
    await ErpPaymentRow.create(**{name: getattr(payment, name) for name in _FIELDS})


async def find(payment_id: str) -> ErpPayment | None:
    """The payment, or None."""
    row = await ErpPaymentRow.get_or_none(payment_id=payment_id)
    return None if row is None else _payment(row)


async def page_of_buyer(buyer_uscc: str, size: int, token: str) -> Page[ErpPayment]:
    """A buyer's payments, newest first; for an empty code those of all. Raises INVALID_ARGUMENT for a foreign token."""
    rows = ErpPaymentRow.filter(after_token(token, ErpPaymentRow, "payment_id"))
    rows = rows.filter(buyer_uscc=buyer_uscc) if buyer_uscc else rows
    return page_of(await rows.order_by("-created_at", "-payment_id").limit(size + 1), size, "payment_id", _payment)


async def invoices_to_compare(buyer_uscc: str, newest: int) -> list[str]:
    """A buyer's invoices with a payment on which the ledgers never agreed, and those of so many newest payments."""
    mine = ErpPaymentRow.filter(buyer_uscc=buyer_uscc)
    unsettled = await mine.filter(agreed=False).values_list("invoice_document_id", flat=True)
    recent = (
        await mine.order_by("-created_at", "-payment_id").limit(newest).values_list("invoice_document_id", flat=True)
    )
    return sorted({str(invoice) for invoice in [*unsettled, *recent]})


async def on_invoices(buyer_uscc: str, invoice_document_ids: Sequence[str]) -> list[ErpPayment]:
    """Every payment on some of a buyer's invoices, oldest first."""
    rows = ErpPaymentRow.filter(buyer_uscc=buyer_uscc, invoice_document_id__in=invoice_document_ids)
    return [_payment(row) for row in await rows.order_by("created_at", "payment_id")]


async def agreed(payment_ids: Sequence[str], *, yes: bool) -> None:
    """Whether the ledgers agree on the invoices of these payments."""
    await ErpPaymentRow.filter(payment_id__in=payment_ids).exclude(agreed=yes).update(agreed=yes)


async def posted(payment_id: str, entry_number: str) -> None:
    """The ERP has it."""
    await ErpPaymentRow.filter(payment_id=payment_id).update(
        state=ErpPaymentState.POSTED.value, entry_number=entry_number, reason=""
    )


async def refused(payment_id: str, reason: str) -> None:
    """The ERP does not take it; one that is posted stays posted."""
    rows = ErpPaymentRow.filter(payment_id=payment_id, state=ErpPaymentState.PENDING.value)
    await rows.update(state=ErpPaymentState.REFUSED.value, reason=reason)


async def again(payment: ErpPayment) -> None:
    """It is tried once more."""
    await ErpPaymentRow.filter(payment_id=payment.payment_id).update(
        state=ErpPaymentState.PENDING.value, attempts=payment.attempts + 1
    )


def _payment(row: ErpPaymentRow) -> ErpPayment:
    values = {name: getattr(row, name) for name in _FIELDS}
    return ErpPayment(**{**values, "state": ErpPaymentState(row.state)})
