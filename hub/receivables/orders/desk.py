"""Purchase orders as lending sees them: what was ordered, what of it is still to come, what a receivable delivered.

Amounts are fen without tax: what is lent on an order is never more than its goods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from huilian_protocol.errors import HuilianError

from hub.platform.paging import Page
from hub.receivables import stored as stored_receivables
from hub.receivables.matching.credits import credited_quantities
from hub.receivables.matching.mismatches import Tolerances
from hub.receivables.model import Receivable
from hub.receivables.states import ReceivableState
from hub.receivables.trade import stored as stored_documents
from hub.receivables.trade.model import DocumentKind, TradeDocument
from hub.receivables.trade.order_lines import OrderLineKey, OrderLines, answered_line, billed_quantities, order_lines_of
from hub.receivables.trade.stored import WITHDRAWN


@dataclass(frozen=True, slots=True)
class Counted:
    """An invoice whose goods are spoken for, with the credit notes that were taken off it when it matched."""

    invoice: TradeDocument
    credit_notes: tuple[TradeDocument, ...]


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
    billed = net_billed(await counting_invoices(buyer_uscc, candidates), order_lines_of([document]), Tolerances())
    return PurchaseOrder(document, erp_state != WITHDRAWN, _open_fen(document, billed, erp_state != WITHDRAWN))


async def page_of_orders(supplier_uscc: str, size: int, token: str) -> Page[PurchaseOrder]:
    """The orders that buyers placed with a supplier, the newest first. Raises INVALID_ARGUMENT for a foreign token."""
    page = await stored_documents.page_of_orders(supplier_uscc, size, token)
    orders = [await find_order(buyer_uscc, document_id) for buyer_uscc, document_id in page.items]
    return Page(tuple(orders), page.next_token)


async def delivered_fen(receivable: Receivable) -> dict[OrderLineKey, int]:
    """What a matched receivable bills and is not credited, by order and line.

    Raises LookupError for one that never matched.
    """
    counted = await relied_on(receivable)
    order_ids = counted.invoice.order_document_ids
    current = await stored_documents.current_documents(receivable.buyer_uscc, order_ids, DocumentKind.ORDER)
    lines = order_lines_of([order for order, _ in current])
    billed: dict[OrderLineKey, int] = defaultdict(int)
    for sign, document in ((1, counted.invoice), *((-1, note) for note in counted.credit_notes)):
        for line in document.lines:
            key = answered_line(document, line, lines)
            if key is not None:
                billed[key] += sign * line.line_extension_amount_fen
    return {key: max(fen, 0) for key, fen in billed.items()}


async def counting_invoices(buyer_uscc: str, candidates: Collection[str]) -> tuple[Counted, ...]:
    """Invoices whose goods are spoken for, each as it was when it matched: shrinking it later frees nothing.

    Their receivables are locked until the transaction ends.
    """
    return await _counted((await stored_receivables.lock_of_invoices(buyer_uscc, candidates)).values())


async def counting_invoices_seen(buyer_uscc: str, candidates: Collection[str]) -> tuple[Counted, ...]:
    """The same without locks, for whoever holds one of these receivables already: nobody waits in a circle."""
    return await _counted(await stored_receivables.of_invoices(buyer_uscc, candidates))


async def _counted(receivables: Iterable[Receivable]) -> tuple[Counted, ...]:
    counts = [one for one in receivables if one.evidence is not None and one.state is not ReceivableState.VOID]
    return tuple([await relied_on(receivable) for receivable in counts])


async def relied_on(receivable: Receivable) -> Counted:
    """The documents as they were when a receivable matched. Raises LookupError for one that never did."""
    evidence, buyer = receivable.evidence, receivable.buyer_uscc
    if evidence is None:
        raise LookupError("the receivable rests on no documents")
    digest = bytes.fromhex(evidence["invoice"])
    invoice = await stored_documents.version_with_digest(buyer, receivable.invoice_document_id, digest)
    return Counted(invoice, await _relied_on(invoice, evidence.get("credit_notes", ())))


async def returns_relied_on(receivable: Receivable, invoice: TradeDocument) -> tuple[TradeDocument, ...]:
    """The returns that counted when a receivable matched."""
    return await _relied_on(invoice, (receivable.evidence or {}).get("returns", ()))


async def _relied_on(invoice: TradeDocument, digests: Collection[str]) -> tuple[TradeDocument, ...]:
    if not digests:
        return ()
    buyer = invoice.buyer_uscc
    linked = await stored_documents.answering(buyer, (*invoice.order_document_ids, invoice.document_id))
    return await stored_documents.versions_with_digests(buyer, linked, digests)


def net_billed(
    counted: Iterable[Counted], lines: OrderLines, tolerances: Tolerances
) -> defaultdict[OrderLineKey, Decimal]:
    """Quantities that invoices bill and their credit notes do not take off again, per order line."""
    items = tuple(counted)
    net = billed_quantities((item.invoice for item in items), lines)
    notes = (note for item in items for note in item.credit_notes)
    for key, quantity in credited_quantities(notes, lines, tolerances).items():
        net[key] -= quantity
    return net


def _open_fen(order: TradeDocument, billed: Mapping[OrderLineKey, Decimal], in_force: bool) -> dict[str, int]:
    open_fen = {}
    for line in order.lines:
        left = max(line.quantity - billed[order.document_id, line.order_line_id], Decimal(0)) * in_force
        share = line.line_extension_amount_fen * left / line.quantity
        open_fen[line.order_line_id] = int(share.to_integral_value(rounding=ROUND_FLOOR))
    return open_fen
