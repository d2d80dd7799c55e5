"""Trade documents as the hub knows them: order, goods receipt, return, invoice and credit note, with line items. Pure.
Names after UBL 2.4.

Money is integer fen, quantities and unit prices are `Decimal`. The canonical form (`TradeDocument.content`) is what
is stored, hashed into the confirmation's evidence and compared to tell a new version from a repeated one; its golden
file is in the tests.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from huilian_protocol.canonical import sha256_canonical
from huilian_protocol.errors import HuilianError
from stdnum.cn import uscc as uscc_number

MAX_LINES = 1_000
MAX_FEN = 10**15
MAX_QUANTITY = Decimal(10) ** 12
MAX_TEXT = 200


class DocumentKind(StrEnum):
    """The three documents of a three-way match, and the two that take something back.

    A DESPATCH_ADVICE is of goods that the buyer sent back. Quantities and amounts are above zero on all of them.
    """

    ORDER = "ORDER"
    RECEIPT_ADVICE = "RECEIPT_ADVICE"
    INVOICE = "INVOICE"
    DESPATCH_ADVICE = "DESPATCH_ADVICE"
    CREDIT_NOTE = "CREDIT_NOTE"


UNPRICED = (DocumentKind.RECEIPT_ADVICE, DocumentKind.DESPATCH_ADVICE)
"""Documents about goods alone."""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line item. `order_line_id` names the order line it fulfils or bills (an order's own lines name themselves).

    `unit_price_fen` is fen per `unit_code` and may have fractions. Receipts and returns carry no prices: both are 0.
    """

    order_line_id: str
    item_name: str
    quantity: Decimal
    unit_code: str
    unit_price_fen: Decimal
    line_extension_amount_fen: int

    def content(self) -> dict[str, Any]:
        """Canonical form: decimals as plain strings without trailing zeros."""
        return {
            "order_line_id": self.order_line_id,
            "item_name": self.item_name,
            "quantity": decimal_text(self.quantity),
            "unit_code": self.unit_code,
            "unit_price_fen": decimal_text(self.unit_price_fen),
            "line_extension_amount_fen": self.line_extension_amount_fen,
        }


@dataclass(frozen=True, slots=True)
class TradeDocument:
    """One version of a trade document, as the buyer's ERP holds it.

    `document_id` is the ERP's stable identifier, `number` what people see. `order_document_ids` are the orders that a
    document answers (empty for an order), `billing_document_ids` the invoices that a credit note corrects, as far as it
    names them. `due_date` is set on invoices only, `currency` is empty where there are no prices.
    `payable_amount_fen` includes `tax_amount_fen`; of a credit note it is what is taken off.
    """

    document_id: str
    kind: DocumentKind
    number: str
    order_document_ids: tuple[str, ...]
    buyer_uscc: str
    supplier_uscc: str
    supplier_name: str
    issue_date: dt.date
    due_date: dt.date | None
    currency: str
    lines: tuple[DocumentLine, ...]
    tax_amount_fen: int
    payable_amount_fen: int
    billing_document_ids: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """Canonical form (golden file: tests/unit/hub/receivables/golden)."""
        # Only a credit note has it: what was hashed before there were any stays as it is.
        billing = {"billing_document_ids": list(self.billing_document_ids)} if self.billing_document_ids else {}
        return {
            **billing,
            "type": "huilian-trade-document/v1",
            "document_id": self.document_id,
            "kind": self.kind.value,
            "number": self.number,
            "order_document_ids": list(self.order_document_ids),
            "buyer_uscc": self.buyer_uscc,
            "supplier_uscc": self.supplier_uscc,
            "supplier_name": self.supplier_name,
            "issue_date": self.issue_date.isoformat(),
            "due_date": self.due_date.isoformat() if self.due_date else None,
            "currency": self.currency,
            "lines": [line.content() for line in self.lines],
            "tax_amount_fen": self.tax_amount_fen,
            "payable_amount_fen": self.payable_amount_fen,
        }

    def digest(self) -> bytes:
        """SHA-256 of the canonical form, 32 bytes."""
        return sha256_canonical(self.content())


def parse_document(content: dict[str, Any]) -> TradeDocument:
    """The document behind a stored canonical form."""
    due = content["due_date"]
    return TradeDocument(
        document_id=content["document_id"],
        kind=DocumentKind(content["kind"]),
        number=content["number"],
        order_document_ids=tuple(content["order_document_ids"]),
        buyer_uscc=content["buyer_uscc"],
        supplier_uscc=content["supplier_uscc"],
        supplier_name=content["supplier_name"],
        issue_date=dt.date.fromisoformat(content["issue_date"]),
        due_date=dt.date.fromisoformat(due) if due else None,
        currency=content["currency"],
        lines=tuple(_parse_line(line) for line in content["lines"]),
        tax_amount_fen=content["tax_amount_fen"],
        payable_amount_fen=content["payable_amount_fen"],
        billing_document_ids=tuple(content.get("billing_document_ids", ())),
    )


def check_document(document: TradeDocument) -> None:
    """Raise PROVIDER_FAULT for a document that makes no sense in itself, whatever it is compared with."""
    _require(0 < len(document.lines) <= MAX_LINES, document, f"1 to {MAX_LINES} lines expected")
    _require(is_uscc(document.buyer_uscc), document, "the buyer's USCC is malformed")
    _require(is_uscc(document.supplier_uscc), document, "the supplier's USCC is malformed")
    _require(document.buyer_uscc != document.supplier_uscc, document, "buyer and supplier are the same enterprise")
    if document.kind not in UNPRICED:
        _require(document.currency == "CNY", document, "only CNY is accepted")
    for text in _names(document):
        _require(0 < len(text) <= MAX_TEXT, document, "a text is missing or too long")
    # PostgreSQL keeps every character but this one, and what one database refuses neither may take.
    _require("\x00" not in _all_text(document), document, "a text holds a NUL character")
    if document.kind is DocumentKind.ORDER:
        order_line_ids = {line.order_line_id for line in document.lines}
        _require(
            len(order_line_ids) == len(document.lines) and "" not in order_line_ids,
            document,
            "order line ids must differ",
        )
    for number, line in enumerate(document.lines, start=1):
        _check_line(document, number, line)
    _require(
        0 <= document.tax_amount_fen <= document.payable_amount_fen <= MAX_FEN, document, "tax or total out of range"
    )
    if document.kind is DocumentKind.INVOICE:
        due = document.due_date
        _require(due is not None and due >= document.issue_date, document, "due date missing or before the issue date")
        _require(document.payable_amount_fen > 0, document, "an invoice over nothing")
    _check_taken_back(document)


def lines_total_fen(document: TradeDocument) -> int:
    """Sum of the line amounts and the tax, in fen: what the payable amount must be."""
    return sum(line.line_extension_amount_fen for line in document.lines) + document.tax_amount_fen


def is_uscc(text: str) -> bool:
    """Whether a text is a unified social credit code (GB 32100-2015) in its one spelling."""
    return bool(uscc_number.is_valid(text)) and text == uscc_number.compact(text)


def decimal_text(value: Decimal) -> str:
    """Plain decimal notation without exponent or trailing zeros; one number has one text."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _check_taken_back(document: TradeDocument) -> None:
    """A return or a credit note that names nothing can be held against nothing."""
    if document.kind is DocumentKind.DESPATCH_ADVICE:
        _require(bool(document.order_document_ids), document, "a return that names no order")
    if document.kind is DocumentKind.CREDIT_NOTE:
        named = document.order_document_ids + document.billing_document_ids
        _require(bool(named), document, "a credit note that names neither an invoice nor an order")
        _require(document.payable_amount_fen > 0, document, "a credit note over nothing")
    else:
        _require(not document.billing_document_ids, document, "only a credit note corrects invoices")


def _names(document: TradeDocument) -> tuple[str, ...]:
    ids = (*document.order_document_ids, *document.billing_document_ids)
    return (document.document_id, document.number, document.supplier_name, *ids)


def _all_text(document: TradeDocument) -> str:
    """All free text of a document in one string."""
    return "\n".join(
        (*_names(document), *(f"{line.order_line_id} {line.item_name} {line.unit_code}" for line in document.lines))
    )


def _parse_line(content: dict[str, Any]) -> DocumentLine:
    return DocumentLine(
        order_line_id=content["order_line_id"],
        item_name=content["item_name"],
        quantity=Decimal(content["quantity"]),
        unit_code=content["unit_code"],
        unit_price_fen=Decimal(content["unit_price_fen"]),
        line_extension_amount_fen=content["line_extension_amount_fen"],
    )


def _check_line(document: TradeDocument, number: int, line: DocumentLine) -> None:
    _require(line.quantity.is_finite() and 0 < line.quantity <= MAX_QUANTITY, document, f"quantity of line {number}")
    _require(
        line.unit_price_fen.is_finite() and 0 <= line.unit_price_fen <= MAX_FEN,
        document,
        f"unit price of line {number}",
    )
    texts = (line.order_line_id, line.item_name, line.unit_code)
    _require(all(len(text) <= MAX_TEXT for text in texts), document, f"a text of line {number} is too long")
    _require(0 <= line.line_extension_amount_fen <= MAX_FEN, document, f"amount of line {number}")


def _require(condition: bool, document: TradeDocument, what: str) -> None:
    if not condition:
        raise HuilianError("PROVIDER_FAULT", f"{document.kind} {document.number}: {what}", provider="ERP")
