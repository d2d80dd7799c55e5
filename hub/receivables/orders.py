"""Purchase orders as lending sees them: what was ordered, what of it is still to come, what a receivable delivered.

Amounts are fen without tax: what is lent on an order is never more than its goods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from huilian_protocol.errors import HuilianError

from hub.platform.paging import Page
from hub.receivables import stored_documents, stored_receivables
from hub.receivables.documents import DocumentKind, TradeDocument
from hub.receivables.matching import OrderLineKey, answered_line, billed_quantities, order_lines_of
from hub.receivables.model import Receivable
from hub.receivables.states import ReceivableState

WITHDRAWN = "cancelled"


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """The newest version of an order. `open_fen` is, by line id, what is ordered and not billed yet; nothing of a
    withdrawn order.
    """

    document: TradeDocument
    in_force: bool
    open_fen: Mapping[str, int]

    @property
    def ordered_fen(self) -> dict[str, int]:
        """What is ordered by line id, 0 throughout once the order is withdrawn."""
        return {line.order_line_id: line.line_extension_amount_fen * self.in_force for line in self.document.lines}


async def find_order(buyer_uscc: str, order_document_id: str) -> PurchaseOrder:
    """An order of a buyer with what is open of it. Raises NOT_FOUND."""
    found = await stored_documents.current_documents(buyer_uscc, [order_document_id], DocumentKind.ORDER)
    if not found:
        raise HuilianError("NOT_FOUND", resource="order")
    document, erp_state = found[0]
    candidates = await stored_documents.answering(buyer_uscc, [order_document_id])
    billed = billed_quantities(await counting_invoices(buyer_uscc, candidates), order_lines_of([document]))
    return PurchaseOrder(document, erp_state != WITHDRAWN, _open_fen(document, billed, erp_state != WITHDRAWN))


async def page_of_orders(supplier_uscc: str, size: int, token: str) -> Page[PurchaseOrder]:
    """The orders that buyers placed with a supplier, the newest first. Raises INVALID_ARGUMENT for a foreign token."""
    page = await stored_documents.page_of_orders(supplier_uscc, size, token)
    orders = [await find_order(buyer_uscc, document_id) for buyer_uscc, document_id in page.items]
    return Page(tuple(orders), page.next_token)


async def delivered_fen(receivable: Receivable) -> dict[OrderLineKey, int]:
    """What a matched receivable bills, by order and line. Raises LookupError for one that never matched."""
    if receivable.evidence is None:
        raise LookupError("the receivable rests on no documents")
    buyer = receivable.buyer_uscc
    digest = bytes.fromhex(receivable.evidence["invoice"])
    invoice = await stored_documents.version_with_digest(buyer, receivable.invoice_document_id, digest)
    current = await stored_documents.current_documents(buyer, invoice.order_document_ids, DocumentKind.ORDER)
    lines = order_lines_of([order for order, _ in current])
    billed: dict[OrderLineKey, int] = defaultdict(int)
    for line in invoice.lines:
        key = answered_line(invoice, line, lines)
        if key is not None:
            billed[key] += line.line_extension_amount_fen
    return dict(billed)


async def counting_invoices(buyer_uscc: str, candidates: Collection[str]) -> tuple[TradeDocument, ...]:
    """Invoices whose goods are spoken for, each as it was when it matched: shrinking it later frees nothing."""
    counting = []
    for document_id, receivable in (await stored_receivables.lock_of_invoices(buyer_uscc, candidates)).items():
        if receivable.evidence is not None and receivable.state is not ReceivableState.VOID:
            digest = bytes.fromhex(receivable.evidence["invoice"])
            counting.append(await stored_documents.version_with_digest(buyer_uscc, document_id, digest))
    return tuple(counting)


def _open_fen(order: TradeDocument, billed: Mapping[OrderLineKey, Decimal], in_force: bool) -> dict[str, int]:
    open_fen = {}
    for line in order.lines:
        left = max(line.quantity - billed[order.document_id, line.order_line_id], Decimal(0)) * in_force
        share = line.line_extension_amount_fen * left / line.quantity
        open_fen[line.order_line_id] = int(share.to_integral_value(rounding=ROUND_FLOOR))
    return open_fen
