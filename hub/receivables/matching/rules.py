"""Three-way match: what was ordered, what was received, what is invoiced, line by line. Pure.

An invoice matches when its total is the sum of its lines and every line bills an order line for the same item and
unit, at the agreed price, for no more than was received and not invoiced before. What was sent back was not received,
and what was credited is not invoiced (`credits.py`). Against what was received there is no tolerance at all: money is
never raised on goods that did not arrive (Civil Code §763, fabricated receivables). What is tolerated elsewhere is
data: `Tolerances`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from hub.receivables.matching.credits import credit_mismatches, credited_quantities
from hub.receivables.matching.mismatches import MatchReason, Mismatch, Tolerances
from hub.receivables.trade.model import DocumentLine, TradeDocument, decimal_text, lines_total_fen
from hub.receivables.trade.order_lines import OrderLineKey, answered_line, billed_quantities, order_lines_of


@dataclass(frozen=True, slots=True)
class TradeFile:
    """What is known of an invoice's trade: its orders, all their goods receipts and returns, the other invoices that
    count, each with the credit notes that count with it.

    `credit_notes` are the invoice's own. What could be taken off it, or not, is in `unplaced_returns` and
    `unplaced_credits`: nobody can tell of which goods or of which invoice they are.
    """

    orders: tuple[TradeDocument, ...]
    receipts: tuple[TradeDocument, ...]
    other_invoices: tuple[TradeDocument, ...]
    returns: tuple[TradeDocument, ...] = ()
    credit_notes: tuple[TradeDocument, ...] = ()
    other_credit_notes: tuple[TradeDocument, ...] = ()
    unplaced_returns: tuple[TradeDocument, ...] = ()
    unplaced_credits: tuple[TradeDocument, ...] = ()


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
    returned = billed_quantities(trade.returns, order_lines)
    invoiced = billed_quantities((*trade.other_invoices, invoice), order_lines)
    credited = credited_quantities((*trade.other_credit_notes, *trade.credit_notes), order_lines, tolerances)
    for key, numbers in billed.items():
        ordered = order_lines[key].quantity * (1 + tolerances.over_delivery_rate)
        kept = received[key] - returned[key]
        reasons.extend(_match_quantity(numbers[-1], invoiced[key] - credited[key], kept, ordered))
    return (*reasons, *_match_taken_back(invoice, trade, tolerances))


def _match_taken_back(invoice: TradeDocument, trade: TradeFile, tolerances: Tolerances) -> Iterator[MatchReason]:
    for document in trade.unplaced_returns:
        yield MatchReason(Mismatch.RETURN_UNALLOCATED, 0, "lines of the order", document.number)
    for document in trade.unplaced_credits:
        yield MatchReason(Mismatch.CREDIT_UNALLOCATED, 0, "one invoice", document.number)
    yield from credit_mismatches(invoice, trade.credit_notes, order_lines_of(trade.orders), tolerances)


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
