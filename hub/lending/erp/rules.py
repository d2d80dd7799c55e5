"""What an enterprise's ledger must say of what the bank paid for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from hub.accounting.case_rules import Difference, Source
from hub.accounting.matching import Outcome, Reason


class ErpPaymentState(StrEnum):
    """How far a payment came on its way into the ERP. REFUSED is tried again with every comparison."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class ErpPayment:
    """One payment on a payable, see `store_erp.ErpPaymentRow`."""

    payment_id: str
    receivable_id: str
    buyer_uscc: str
    invoice_document_id: str
    amount_fen: int
    value_date: date
    state: ErpPaymentState
    entry_number: str
    reason: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class ErpEntry:
    """One posted line on the ERP's payable accounts, in fen: a debit was paid, a credit is owed."""

    entry_id: str
    invoice_document_id: str
    payment_id: str
    entry_date: date
    debit_fen: int
    credit_fen: int


def compare(buyer_uscc: str, payments: Sequence[ErpPayment], entries: Iterable[ErpEntry]) -> list[Difference]:
    """Where the ledgers differ: a payment that is missing there, stands there with another amount or was taken back,
    and what was paid there that we did not pay.
    """
    by_payment: dict[str, list[ErpEntry]] = {payment.payment_id: [] for payment in payments}
    strangers = []
    for entry in entries:
        if entry.payment_id in by_payment:
            by_payment[entry.payment_id].append(entry)
        elif entry.debit_fen:
            strangers.append(entry)
    found = [
        difference
        for payment in payments
        if (difference := _of_payment(buyer_uscc, payment, by_payment[payment.payment_id])) is not None
    ]
    return found + [_stranger(buyer_uscc, entry) for entry in strangers]


def _of_payment(buyer_uscc: str, payment: ErpPayment, entries: Sequence[ErpEntry]) -> Difference | None:
    if sum(entry.debit_fen - entry.credit_fen for entry in entries) == payment.amount_fen:
        return None
    return Difference(
        source=Source.ERP,
        kind=Outcome.AMBIGUOUS if entries else Outcome.MISSING_IN_ERP,
        reason=Reason.AMOUNT_DIFFERS if entries else Reason.NOT_BOOKED,
        account_id=buyer_uscc,
        item_id=payment.payment_id,
        item_date=payment.value_date,
        amount_fen=payment.amount_fen,
        candidates=tuple(entry.entry_id for entry in entries),
    )


def _stranger(buyer_uscc: str, entry: ErpEntry) -> Difference:
    """Paid around the bank, or by an id that is not ours."""
    return Difference(
        source=Source.ERP,
        kind=Outcome.UNKNOWN_ENTRY,
        reason=Reason.REFERENCE_UNKNOWN if entry.payment_id else Reason.NOTHING_LIKE_IT,
        account_id=buyer_uscc,
        item_id=entry.entry_id,
        item_date=entry.entry_date,
        amount_fen=entry.debit_fen,
    )
