"""Whether an invoice is what the tax authority recorded (发票查验). Pure; the rules' words are in `fraud_rules`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from hub.receivables.fraud_rules import FraudRule
from hub.receivables.trade.model import TradeDocument

CHECK_LIFE = dt.timedelta(minutes=10)
"""An answer is good for the deed that asked for it, not for the next one: an invoice can be offset any minute."""


class TaxState(StrEnum):
    """What the tax authority says of an invoice that it knows."""

    NORMAL = "NORMAL"
    RED_OFFSET = "RED_OFFSET"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class TaxRecord:
    """An invoice as the tax authority recorded it; amounts in fen, the total with tax."""

    state: TaxState
    seller_uscc: str
    buyer_uscc: str
    issue_date: dt.date
    total_fen: int
    tax_fen: int


def judge(invoice: TradeDocument, record: TaxRecord | None) -> FraudRule | None:
    """The rule that an invoice breaks, None for an authentic one. What was ended is told before what differs."""
    if record is None:
        return FraudRule.INVOICE_UNKNOWN
    if record.state is TaxState.RED_OFFSET:
        return FraudRule.INVOICE_RED_OFFSET
    if record.state is TaxState.CANCELLED:
        return FraudRule.INVOICE_CANCELLED
    if (invoice.supplier_uscc, invoice.buyer_uscc) != (record.seller_uscc, record.buyer_uscc):
        return FraudRule.INVOICE_PARTY_DIFFERS
    if (invoice.payable_amount_fen, invoice.tax_amount_fen) != (record.total_fen, record.tax_fen):
        return FraudRule.INVOICE_AMOUNT_DIFFERS
    return FraudRule.INVOICE_DATE_DIFFERS if invoice.issue_date != record.issue_date else None
