"""What a three-way match tolerates, and why an invoice does not match. Data; the words are in `reasons`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far an invoice may stray.

    Rates are fractions (0.01 = 1 %) of the ordered value; `line_amount_fen` absorbs rounding.
    """

    unit_price_rate: Decimal = Decimal(0)
    over_delivery_rate: Decimal = Decimal(0)
    line_amount_fen: int = 1


class Mismatch(StrEnum):
    """Why an invoice, or one of its lines, does not match."""

    TOTAL_DIFFERS = "TOTAL_DIFFERS"
    ORDER_MISSING = "ORDER_MISSING"
    PARTY_DIFFERS = "PARTY_DIFFERS"
    ORDER_LINE_UNKNOWN = "ORDER_LINE_UNKNOWN"
    ITEM_DIFFERS = "ITEM_DIFFERS"
    UNIT_DIFFERS = "UNIT_DIFFERS"
    PRICE_DIFFERS = "PRICE_DIFFERS"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    ABOVE_RECEIVED = "ABOVE_RECEIVED"
    ABOVE_ORDERED = "ABOVE_ORDERED"
    RETURN_UNALLOCATED = "RETURN_UNALLOCATED"
    CREDIT_UNALLOCATED = "CREDIT_UNALLOCATED"
    CREDIT_PREDATES_INVOICE = "CREDIT_PREDATES_INVOICE"
    CREDIT_ABOVE_INVOICE = "CREDIT_ABOVE_INVOICE"
    CREDITED_IN_FULL = "CREDITED_IN_FULL"


@dataclass(frozen=True, slots=True)
class MatchReason:
    """One reason why an invoice does not match.

    `line` counts the invoice's lines from 1; 0 is the invoice as a whole.
    """

    mismatch: Mismatch
    line: int
    expected: str
    found: str
