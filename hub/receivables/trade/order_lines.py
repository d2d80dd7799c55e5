"""Which order line a document's line answers, and how much of it documents add up to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from hub.receivables.trade.model import DocumentLine, TradeDocument

OrderLineKey = tuple[str, str]
"""(document id of the order, id of the line inside it)."""

OrderLines = Mapping[OrderLineKey, DocumentLine]


def order_lines_of(orders: Iterable[TradeDocument]) -> dict[OrderLineKey, DocumentLine]:
    """The lines of orders by their keys."""
    return {(order.document_id, line.order_line_id): line for order in orders for line in order.lines}


def answered_line(document: TradeDocument, line: DocumentLine, order_lines: OrderLines) -> OrderLineKey | None:
    """The order line that a line answers; None when there is none, or when two orders could be meant."""
    keys = [(order_id, line.order_line_id) for order_id in document.order_document_ids]
    known = [key for key in dict.fromkeys(keys) if key in order_lines]
    return known[0] if len(known) == 1 else None


def billed_quantities(
    documents: Iterable[TradeDocument], order_lines: OrderLines
) -> defaultdict[OrderLineKey, Decimal]:
    """Quantity per order line; a line in another unit than ordered counts for nothing, since it cannot be compared."""
    sums: defaultdict[OrderLineKey, Decimal] = defaultdict(Decimal)
    for document in documents:
        for line in document.lines:
            key = comparable_line(document, line, order_lines)
            if key is not None:
                sums[key] += line.quantity
    return sums


def comparable_line(document: TradeDocument, line: DocumentLine, order_lines: OrderLines) -> OrderLineKey | None:
    """The order line that a line answers in its own unit, or None."""
    key = answered_line(document, line, order_lines)
    return key if key is not None and line.unit_code == order_lines[key].unit_code else None
