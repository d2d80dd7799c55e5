"""Credit notes against the invoice that they correct. Pure.

Every credit note takes its whole amount off what is owed. It frees goods to be billed again only where it takes them
off at the agreed price: an allowance (销售折让) leaves them billed, so a note of a fen cannot make room for an invoice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, Decimal

from hub.receivables.matching.mismatches import MatchReason, Mismatch, Tolerances
from hub.receivables.trade.model import DocumentLine, TradeDocument, decimal_text, lines_total_fen
from hub.receivables.trade.order_lines import OrderLineKey, OrderLines, billed_quantities, comparable_line


def credited_fen(notes: Iterable[TradeDocument]) -> int:
    """What credit notes take off, with tax. One whose total is not the sum of its lines counts with the larger."""
    return sum(max(note.payable_amount_fen, lines_total_fen(note)) for note in notes)


def credited_quantities(
    notes: Iterable[TradeDocument], order_lines: OrderLines, tolerances: Tolerances
) -> defaultdict[OrderLineKey, Decimal]:
    """Goods that credit notes took off again, per order line: only what they credit at the agreed price."""
    sums: defaultdict[OrderLineKey, Decimal] = defaultdict(Decimal)
    for note in notes:
        for line in note.lines:
            key = comparable_line(note, line, order_lines)
            if key is not None and _takes_goods_off(line, order_lines[key], tolerances):
                sums[key] += line.quantity
    return sums


def credit_mismatches(
    invoice: TradeDocument, notes: tuple[TradeDocument, ...], order_lines: OrderLines, tolerances: Tolerances
) -> Iterator[MatchReason]:
    """Why an invoice does not match with its credit notes; a line counts from 1, 0 is the invoice as a whole."""
    total_fen = credited_fen(notes)
    if total_fen > invoice.payable_amount_fen:
        yield MatchReason(Mismatch.CREDIT_ABOVE_INVOICE, 0, str(invoice.payable_amount_fen), str(total_fen))
    elif total_fen == invoice.payable_amount_fen:
        yield MatchReason(Mismatch.CREDITED_IN_FULL, 0, "something owed", "0")
    for note in notes:
        if note.issue_date < invoice.issue_date:
            yield MatchReason(Mismatch.CREDIT_PREDATES_INVOICE, 0, str(invoice.issue_date), str(note.issue_date))
    billed = billed_quantities([invoice], order_lines)
    for key, quantity in credited_quantities(notes, order_lines, tolerances).items():
        if quantity > billed[key]:
            expected, found = decimal_text(billed[key]), decimal_text(quantity)
            yield MatchReason(Mismatch.CREDIT_ABOVE_INVOICE, 0, expected, found)


def value_fen(invoice: TradeDocument, order_lines: OrderLines, quantities: Mapping[OrderLineKey, Decimal]) -> int:
    """What these quantities of an invoice's goods are worth in it, with their share of the tax, rounded up."""
    billed = billed_quantities([invoice], order_lines)
    worth = Decimal(0)
    for line in invoice.lines:
        key = comparable_line(invoice, line, order_lines)
        if key is not None and quantities.get(key):
            worth += line.line_extension_amount_fen * quantities[key] / billed[key]
    net_fen = lines_total_fen(invoice) - invoice.tax_amount_fen
    with_tax = worth * invoice.payable_amount_fen / net_fen if net_fen else worth
    return min(int(with_tax.to_integral_value(ROUND_CEILING)), invoice.payable_amount_fen)


def _takes_goods_off(line: DocumentLine, ordered: DocumentLine, tolerances: Tolerances) -> bool:
    is_agreed = line.unit_price_fen >= ordered.unit_price_fen * (1 - tolerances.unit_price_rate)
    worth_fen = line.quantity * line.unit_price_fen
    return is_agreed and line.line_extension_amount_fen >= worth_fen - 1 - tolerances.line_amount_fen
