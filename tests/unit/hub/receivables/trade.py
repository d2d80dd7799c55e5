"""Builders of trade documents for the tests: one order of two lines, and what follows from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from hub.receivables.trade.model import DocumentKind, DocumentLine, TradeDocument

BUYER = "91449900MA0H00010W"
SUPPLIER = "91449900MA0H00029R"
SECOND_TIER = "91449900MA0H00037L"
DEALER = "91449900MA0H00045F"

STEEL = "purchase.line,1"
BOLTS = "purchase.line,2"
PRICES_FEN = {STEEL: Decimal("1250.5"), BOLTS: Decimal(80)}
ITEMS = {STEEL: ("钢板", "KGM"), BOLTS: ("螺栓", "EA")}


def line(order_line_id: str, quantity: str, *, priced: bool = True) -> DocumentLine:
    """A line at the agreed price; a receipt's line is not priced."""
    name, unit = ITEMS[order_line_id]
    price = PRICES_FEN[order_line_id] if priced else Decimal(0)
    amount = int((Decimal(quantity) * price).quantize(Decimal(1), ROUND_HALF_UP))
    return DocumentLine(order_line_id, name, Decimal(quantity), unit, price, amount)


def document(
    kind: DocumentKind, document_id: str, lines: Sequence[DocumentLine], orders: Sequence[str] = (), tax_fen: int = 0
) -> TradeDocument:
    """A document between BUYER and SUPPLIER whose total is right."""
    return TradeDocument(
        document_id=document_id,
        kind=kind,
        number=f"NO-{document_id}",
        order_document_ids=tuple(orders),
        buyer_uscc=BUYER,
        supplier_uscc=SUPPLIER,
        supplier_name="沙盒通达精密零件有限公司",
        issue_date=dt.date(2026, 1, 5),
        due_date=dt.date(2026, 4, 5) if kind is DocumentKind.INVOICE else None,
        currency="CNY",
        lines=tuple(lines),
        tax_amount_fen=tax_fen,
        payable_amount_fen=sum(item.line_extension_amount_fen for item in lines) + tax_fen,
    )


def order(steel: str = "100", bolts: str = "1000", document_id: str = "purchase-1") -> TradeDocument:
    """An order over both items."""
    return document(DocumentKind.ORDER, document_id, [line(STEEL, steel), line(BOLTS, bolts)])


def receipt(document_id: str, order_id: str = "purchase-1", **quantities: str) -> TradeDocument:
    """A goods receipt, e.g. `receipt("shipment-1", steel="40")`."""
    lines = [line(_line_id(name), quantity, priced=False) for name, quantity in quantities.items()]
    return document(DocumentKind.RECEIPT_ADVICE, document_id, lines, [order_id])


def invoice(document_id: str, order_id: str = "purchase-1", tax_fen: int = 0, **quantities: str) -> TradeDocument:
    """An invoice at the agreed prices, e.g. `invoice("invoice-1", steel="40")`."""
    lines = [line(_line_id(name), quantity) for name, quantity in quantities.items()]
    return document(DocumentKind.INVOICE, document_id, lines, [order_id], tax_fen)


def returned(document_id: str, order_id: str = "purchase-1", **quantities: str) -> TradeDocument:
    """Goods sent back, e.g. `returned("return-1", steel="10")`."""
    lines = [line(_line_id(name), quantity, priced=False) for name, quantity in quantities.items()]
    return document(DocumentKind.DESPATCH_ADVICE, document_id, lines, [order_id])


def credit(
    document_id: str, *invoice_ids: str, order_id: str = "purchase-1", tax_fen: int = 0, **quantities: str
) -> TradeDocument:
    """A credit note at the agreed prices, e.g. `credit("credit-1", "invoice-1", steel="10")`."""
    lines = [line(_line_id(name), quantity) for name, quantity in quantities.items()]
    note = document(DocumentKind.CREDIT_NOTE, document_id, lines, [order_id], tax_fen)
    return replace(note, issue_date=dt.date(2026, 1, 20), billing_document_ids=invoice_ids)


def allowance(document_id: str, invoice_id: str, name: str, quantity: str, unit_price_fen: str) -> TradeDocument:
    """A credit note that takes a part off the price of goods that stay."""
    priced = credit(document_id, invoice_id, **{name: quantity})
    amount = int((Decimal(quantity) * Decimal(unit_price_fen)).quantize(Decimal(1), ROUND_HALF_UP))
    cheap = with_line(priced, 1, unit_price_fen=Decimal(unit_price_fen), line_extension_amount_fen=amount)
    return replace(cheap, payable_amount_fen=amount)


def with_line(source: TradeDocument, number: int, **changes: object) -> TradeDocument:
    """The document with one line (from 1) changed, its total left alone."""
    lines = list(source.lines)
    lines[number - 1] = replace(lines[number - 1], **changes)  # type: ignore[arg-type]
    return replace(source, lines=tuple(lines))


def _line_id(name: str) -> str:
    return {"steel": STEEL, "bolts": BOLTS}[name]
