"""Three-way match: what was ordered, what was received, what is invoiced, line by line. Pure.

An invoice matches when its total is the sum of its lines and every line bills an order line for the same item and
unit, at the agreed price, for no more than was received and not invoiced before. Against what was received there is
no tolerance at all: money is never raised on goods that did not arrive (Civil Code §763, fabricated receivables).
What is tolerated elsewhere is data: `Tolerances`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from hub.receivables.documents import DocumentLine, TradeDocument, decimal_text, lines_total_fen

OrderLineKey = tuple[str, str]
"""(document id of the order, id of the line inside it)."""


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


@dataclass(frozen=True, slots=True)
class MatchReason:
    """One reason why an invoice does not match.

    `line` counts the invoice's lines from 1; 0 is the invoice as a whole.
    """

    mismatch: Mismatch
    line: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class TradeFile:
    """What is known of an invoice's trade: its orders, all their goods receipts, the other invoices that count."""

    orders: tuple[TradeDocument, ...]
    receipts: tuple[TradeDocument, ...]
    other_invoices: tuple[TradeDocument, ...]


def match_invoice(invoice: TradeDocument, trade: TradeFile, tolerances: Tolerances) -> tuple[MatchReason, ...]:
    """Every reason why `invoice` does not match; none is a match. Amounts in reasons are fen."""
    order_lines = order_lines_of(trade.orders)
    reasons = [*_match_header(invoice, trade.orders)]
    billed: dict[OrderLineKey, list[int]] = defaultdict(list)
    for number, line in enumerate(invoice.lines, start=1):
        key = answered_line(invoice, line, order_lines)
        if key is None:
            reasons.append(
                MatchReason(Mismatch.ORDER_LINE_UNKNOWN, number, "a line of the order", line.order_line_id or "none")
            )
            continue
        billed[key].append(number)
        reasons.extend(_match_terms(number, line, order_lines[key], tolerances))
    received = billed_quantities(trade.receipts, order_lines)
    invoiced = billed_quantities((*trade.other_invoices, invoice), order_lines)
    for key, numbers in billed.items():
        ordered = order_lines[key].quantity * (1 + tolerances.over_delivery_rate)
        reasons.extend(_match_quantity(numbers[-1], invoiced[key], received[key], ordered))
    return tuple(reasons)


def _match_header(invoice: TradeDocument, orders: Iterable[TradeDocument]) -> Iterator[MatchReason]:
    total = lines_total_fen(invoice)
    if invoice.payable_amount_fen != total:
        yield MatchReason(Mismatch.TOTAL_DIFFERS, 0, str(total), str(invoice.payable_amount_fen))
    known = {order.document_id for order in orders}
    for order_id in invoice.order_document_ids or ("",):
        if order_id not in known:
            yield MatchReason(Mismatch.ORDER_MISSING, 0, "a purchase order", order_id or "none")
    for order in orders:
        if (order.buyer_uscc, order.supplier_uscc) != (invoice.buyer_uscc, invoice.supplier_uscc):
            yield MatchReason(Mismatch.PARTY_DIFFERS, 0, order.supplier_uscc, invoice.supplier_uscc)


def _match_terms(
    number: int, line: DocumentLine, ordered: DocumentLine, tolerances: Tolerances
) -> Iterator[MatchReason]:
    if line.item_name != ordered.item_name:
        yield MatchReason(Mismatch.ITEM_DIFFERS, number, ordered.item_name, line.item_name)
    if line.unit_code != ordered.unit_code:
        yield MatchReason(Mismatch.UNIT_DIFFERS, number, ordered.unit_code, line.unit_code)
    if abs(line.unit_price_fen - ordered.unit_price_fen) > ordered.unit_price_fen * tolerances.unit_price_rate:
        yield MatchReason(
            Mismatch.PRICE_DIFFERS, number, decimal_text(ordered.unit_price_fen), decimal_text(line.unit_price_fen)
        )
    computed_fen = int((line.quantity * line.unit_price_fen).quantize(Decimal(1), ROUND_HALF_UP))
    if abs(line.line_extension_amount_fen - computed_fen) > tolerances.line_amount_fen:
        yield MatchReason(Mismatch.AMOUNT_DIFFERS, number, str(computed_fen), str(line.line_extension_amount_fen))


def _match_quantity(number: int, invoiced: Decimal, received: Decimal, ordered: Decimal) -> Iterator[MatchReason]:
    """`invoiced` counts this invoice and all others over the order line, so nothing is billed twice in two invoices."""
    if invoiced > received:
        yield MatchReason(Mismatch.ABOVE_RECEIVED, number, decimal_text(received), decimal_text(invoiced))
    if invoiced > ordered:
        yield MatchReason(Mismatch.ABOVE_ORDERED, number, decimal_text(ordered), decimal_text(invoiced))


def order_lines_of(orders: Iterable[TradeDocument]) -> dict[OrderLineKey, DocumentLine]:
    """The lines of orders by their keys."""
    return {(order.document_id, line.order_line_id): line for order in orders for line in order.lines}


def answered_line(
    document: TradeDocument, line: DocumentLine, order_lines: Mapping[OrderLineKey, DocumentLine]
) -> OrderLineKey | None:
    """The order line that a line answers; None when there is none, or when two orders could be meant."""
    keys = [(order_id, line.order_line_id) for order_id in document.order_document_ids]
    known = [key for key in dict.fromkeys(keys) if key in order_lines]
    return known[0] if len(known) == 1 else None


def billed_quantities(
    documents: Iterable[TradeDocument], order_lines: Mapping[OrderLineKey, DocumentLine]
) -> defaultdict[OrderLineKey, Decimal]:
    """Quantity per order line; a line in another unit than ordered counts for nothing, since it cannot be compared."""
    sums: defaultdict[OrderLineKey, Decimal] = defaultdict(Decimal)
    for document in documents:
        for line in document.lines:
            key = answered_line(document, line, order_lines)
            if key is not None and line.unit_code == order_lines[key].unit_code:
                sums[key] += line.quantity
    return sums
