"""Gathers what is known of an invoice's trade, for the match before the buyer signs and for dilution after.

A credit note belongs to the invoice that it names. One that names orders only belongs to the one invoice that bills
their lines; where there are several nobody can tell, and each of them is held up until the ERP names one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.receivables.matching.rules import TradeFile
from hub.receivables.orders.desk import counting_invoices
from hub.receivables.trade import stored as stored_documents
from hub.receivables.trade.model import DocumentKind, DocumentLine, TradeDocument
from hub.receivables.trade.order_lines import OrderLineKey, OrderLines, answered_line, comparable_line, order_lines_of


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Returns and credit notes in force that concern one invoice; see `TradeFile`."""

    returns: tuple[TradeDocument, ...] = ()
    credit_notes: tuple[TradeDocument, ...] = ()
    unplaced_returns: tuple[TradeDocument, ...] = ()
    unplaced_credits: tuple[TradeDocument, ...] = ()


async def trade_file(invoice: TradeDocument, waiting: Iterable[str]) -> TradeFile:
    """What an invoice is matched with; `waiting` are invoices that are matched after it and do not count yet."""
    buyer, order_ids = invoice.buyer_uscc, invoice.order_document_ids
    answering = await stored_documents.answering(buyer, order_ids)
    receipts = await stored_documents.in_force(buyer, answering, DocumentKind.RECEIPT_ADVICE)
    others = await counting_invoices(buyer, answering - {invoice.document_id, *waiting})
    back = await taken_back(invoice)
    return TradeFile(
        orders=await stored_documents.in_force(buyer, order_ids, DocumentKind.ORDER),
        receipts=_answering_any(receipts, order_ids),
        other_invoices=tuple(other.invoice for other in others),
        other_credit_notes=tuple(note for other in others for note in other.credit_notes),
        returns=back.returns,
        credit_notes=back.credit_notes,
        unplaced_returns=back.unplaced_returns,
        unplaced_credits=back.unplaced_credits,
    )


async def taken_back(invoice: TradeDocument) -> TakenBack:
    """Returns of an invoice's orders, and the credit notes by its supplier that are taken off it or could be."""
    buyer = invoice.buyer_uscc
    linked = await stored_documents.answering(buyer, (*invoice.order_document_ids, invoice.document_id))
    returns = await stored_documents.in_force(buyer, linked, DocumentKind.DESPATCH_ADVICE)
    returns = _answering_any(returns, invoice.order_document_ids)
    credits = await stored_documents.in_force(buyer, linked, DocumentKind.CREDIT_NOTE)
    notes = [note for note in credits if note.supplier_uscc == invoice.supplier_uscc]
    if not returns and not notes:
        return TakenBack()
    lines = await _lines_of(buyer, (*returns, *notes, invoice))
    own, unclear = await _place(invoice, notes, lines)
    unplaced = tuple(item for item in returns if not _is_placed(item, lines))
    return TakenBack(returns, own, unplaced, unclear)


async def _place(
    invoice: TradeDocument, notes: Iterable[TradeDocument], lines: OrderLines
) -> tuple[tuple[TradeDocument, ...], tuple[TradeDocument, ...]]:
    own: list[TradeDocument] = []
    unclear: list[TradeDocument] = []
    for note in notes:
        belongs_to = set(note.billing_document_ids) or await _may_belong_to(note, invoice, lines)
        if invoice.document_id in belongs_to:
            (own if len(belongs_to) == 1 else unclear).append(note)
    return tuple(own), tuple(unclear)


async def _may_belong_to(note: TradeDocument, invoice: TradeDocument, lines: OrderLines) -> set[str]:
    """Invoices of the same supplier that bill a line of the note; `invoice` as given, whatever its ERP says now."""
    buyer = note.buyer_uscc
    candidates = await stored_documents.answering(buyer, note.order_document_ids)
    others = await stored_documents.in_force(buyer, candidates - {invoice.document_id}, DocumentKind.INVOICE)
    same = [other for other in others if other.supplier_uscc == note.supplier_uscc]
    wanted = _keys(note, lines)
    return {one.document_id for one in (invoice, *same) if None in wanted or wanted & _keys(one, lines)}


async def _lines_of(buyer: str, documents: Iterable[TradeDocument]) -> dict[OrderLineKey, DocumentLine]:
    ids = {order_id for document in documents for order_id in document.order_document_ids}
    return order_lines_of(await stored_documents.in_force(buyer, ids, DocumentKind.ORDER))


def _keys(document: TradeDocument, lines: OrderLines) -> set[OrderLineKey | None]:
    return {answered_line(document, line, lines) for line in document.lines}


def _is_placed(document: TradeDocument, lines: OrderLines) -> bool:
    return all(comparable_line(document, line, lines) is not None for line in document.lines)


def _answering_any(documents: Iterable[TradeDocument], order_ids: Iterable[str]) -> tuple[TradeDocument, ...]:
    wanted = set(order_ids)
    return tuple(document for document in documents if wanted & set(document.order_document_ids))
