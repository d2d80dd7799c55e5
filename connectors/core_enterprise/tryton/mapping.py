"""Gives Tryton's rows their meaning: pure functions from a `RawDocument` to the project's trade documents.

The documents are JSON values whose names follow UBL 2.4 (Order, ReceiptAdvice, Invoice, DespatchAdvice of goods sent
back, CreditNote) in snake case: quantities and unit prices are decimal texts, amounts are integer fen, dates are
ISO 8601, parties carry their unified social credit code (GB 32100-2015). `schemas/*.json` is the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.jsonrpc import Row
from connectors.core_enterprise.tryton.origins import Answer
from connectors.core_enterprise.tryton.queries import Kind, RawDocument, document_id, order_line_id
from connectors.kit.contract import UpstreamMalformed

Document = dict[str, Any]

# Tryton's unit symbols in UN/ECE Recommendation 20, which UBL uses. Anything else is "ZZ" (mutually defined).
UNIT_CODES = {
    "u": "C62",
    "kg": "KGM",
    "g": "GRM",
    "m": "MTR",
    "cm": "CMT",
    "mm": "MMT",
    "km": "KMT",
    "m²": "MTK",
    "m³": "MTQ",
    "l": "LTR",
    "h": "HUR",
    "d": "DAY",
    "kW⋅h": "KWH",
}
MUTUALLY_DEFINED = "ZZ"

_ORDER_LINE_MODEL = "purchase.line"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_document(raw: RawDocument) -> Document:
    """The trade document of a raw one; raises `UpstreamMalformed` when a row lacks what every such document has."""
    builders: dict[Kind, Callable[[RawDocument], Document]] = {
        Kind.ORDER: _order,
        Kind.RECEIPT: _receipt,
        Kind.INVOICE: _invoice,
        Kind.RETURN: _return,
        Kind.CREDIT_NOTE: _credit_note,
    }
    try:
        return builders[raw.kind](raw)
    except (KeyError, TypeError, AttributeError) as error:
        # A KeyError names the missing column, never a value.
        missing = error.args[0] if isinstance(error, KeyError) else type(error).__name__
        raise UpstreamMalformed(f"Tryton's row lacks {missing}") from error


def _order(raw: RawDocument) -> Document:
    head = raw.head
    return {
        **_head(raw, number=head["number"], issued_on=head["purchase_date"]),
        "buyer_customer_party": _buyer(raw),
        "seller_supplier_party": _supplier(raw, "party"),
        "document_currency_code": head["currency."]["code"],
        "order_line": [{"id": order_line_id(line["id"]), **_priced_line(line, "quantity")} for line in raw.lines],
        "tax_total": {"tax_amount_fen": fen(head["tax_amount"])},
        "anticipated_monetary_total": _total(head),
    }


def _receipt(raw: RawDocument) -> Document:
    head = raw.head
    orders = sorted({line["purchase"] for line in raw.lines if line["purchase"] is not None})
    return {
        **_head(raw, number=head["number"], issued_on=_received_on(raw)),
        "order_reference": [{"id": document_id(Kind.ORDER, order)} for order in orders],
        "delivery_customer_party": _buyer(raw),
        "despatch_supplier_party": _supplier(raw, "supplier"),
        "receipt_line": [
            {"id": f"receipt-line-{line['id']}", **_answered_line(line), **_line(line, "received_quantity")}
            for line in raw.lines
            # A move of nothing stands for goods that were expected and did not come.
            if line["quantity"]
        ],
    }


def _invoice(raw: RawDocument) -> Document:
    head = raw.head
    return {
        **_head(raw, number=head["reference"], issued_on=head["invoice_date"]),
        # Instalments make several maturities; the whole claim is due when the last one is.
        "due_date": _iso(max((row["maturity_date"] for row in raw.maturities), default=None)),
        "order_reference": [{"id": document_id(Kind.ORDER, order)} for order in sorted(head["purchases"])],
        "accounting_customer_party": _buyer(raw),
        "accounting_supplier_party": _supplier(raw, "party"),
        "document_currency_code": head["currency."]["code"],
        "invoice_line": [
            {
                "id": f"invoice-line-{line['id']}",
                **_answered_line(line),
                **_priced_line(line, "invoiced_quantity"),
            }
            for line in raw.lines
        ],
        "tax_total": {"tax_amount_fen": fen(head["tax_amount"])},
        "legal_monetary_total": _total(head),
    }


def _return(raw: RawDocument) -> Document:
    """Goods that went back; a move of nothing stands for goods that were to go back and did not."""
    head = raw.head
    return {
        **_head(raw, number=head["number"], issued_on=_received_on(raw)),
        "order_reference": _orders_answered(raw),
        "despatch_customer_party": _buyer(raw),
        "delivery_supplier_party": _supplier(raw, "supplier"),
        "despatch_line": [
            {"id": f"return-line-{line['id']}", **_taken_back_line(raw, line), **_line(line, "delivered_quantity")}
            for line in raw.lines
            if line["quantity"]
        ],
    }


def _credit_note(raw: RawDocument) -> Document:
    """Tryton counts a credit note below zero; here everything is what is taken off."""
    head = raw.head
    invoices = sorted({answer.invoice for answer in _own_answers(raw) if answer.invoice is not None})
    return {
        # The supplier's own number; Tryton's where staff entered none.
        **_head(raw, number=head["reference"] or head["number"], issued_on=head["invoice_date"]),
        "billing_reference": [{"id": document_id(Kind.INVOICE, invoice)} for invoice in invoices],
        "order_reference": _orders_answered(raw),
        "accounting_customer_party": _buyer(raw),
        "accounting_supplier_party": _supplier(raw, "party"),
        "document_currency_code": head["currency."]["code"],
        "credit_note_line": [
            {
                "id": f"credit-note-line-{line['id']}",
                **_taken_back_line(raw, line),
                **_priced_line(_positive(line), "credited_quantity"),
            }
            for line in raw.lines
        ],
        "tax_total": {"tax_amount_fen": -fen(head["tax_amount"])},
        "legal_monetary_total": {name: -amount_fen for name, amount_fen in _total(head).items()},
    }


def _positive(line: Row) -> Row:
    return {**line, "quantity": -line["quantity"], "amount": -line["amount"]}


def _own_answers(raw: RawDocument) -> list[Answer]:
    return [raw.answers[line["id"]] for line in raw.lines]


def _orders_answered(raw: RawDocument) -> list[Document]:
    orders = sorted({answer.order for answer in _own_answers(raw) if answer.order is not None})
    return [{"id": document_id(Kind.ORDER, order)} for order in orders]


def _taken_back_line(raw: RawDocument, line: Row) -> Document:
    answered = raw.answers[line["id"]].order_line
    return {"order_line_reference": order_line_id(answered) if answered is not None else ""}


def _head(raw: RawDocument, *, number: Any, issued_on: date | None) -> Document:
    return {
        "document_id": document_id(raw.kind, raw.head["id"]),
        "version": microseconds(max(_changes(raw))),
        "id": number,
        "issue_date": _iso(issued_on),
        "erp_state": raw.head["state"],
    }


def _buyer(raw: RawDocument) -> Document:
    return _party(raw, raw.head["company."]["party."])


def _supplier(raw: RawDocument, field: str) -> Document:
    return _party(raw, raw.head[f"{field}."])


def _party(raw: RawDocument, party: Row) -> Document:
    # The oldest code of a party counts: a second one, added later, changes nothing behind anybody's back.
    codes = (row["code"] for row in raw.identifiers if row["party"] == party["id"])
    return {"company_id": next(codes, None), "registration_name": party["name"]}


def _changes(raw: RawDocument) -> Iterator[datetime]:
    """Times of the last change of everything that the document shows, so that one version never has two contents."""
    rows = [raw.head, *raw.lines, *raw.maturities, *raw.identifiers, raw.head["company."]["party."]]
    rows += [raw.head[name] for name in ("party.", "supplier.") if name in raw.head]
    products = [line["product."] for line in raw.lines if line["product."]]
    rows += [*products, *(product["template."] for product in products)]
    return (row["write_date"] or row["create_date"] for row in rows)


def _line(line: Row, quantity_name: str) -> Document:
    symbol = line["unit."]["symbol"] if line["unit."] else ""
    product = line["product."]
    return {
        "item": {
            "name": product["name"] if product else line["description"],
            "buyers_item_identification": (product["code"] or "") if product else "",
        },
        quantity_name: decimal_text(line["quantity"]),
        "unit_code": UNIT_CODES.get(symbol, MUTUALLY_DEFINED),
        "unit_name": symbol,
    }


def _priced_line(line: Row, quantity_name: str) -> Document:
    return {
        **_line(line, quantity_name),
        "price_amount_fen": decimal_text(line["unit_price"] * 100),
        "line_extension_amount_fen": fen(line["amount"]),
    }


def _answered_line(line: Row) -> Document:
    """The order line that this line answers; empty when nobody ordered it, such as a freight surcharge."""
    model, _, row_id = (line["origin"] or "").partition(",")
    return {"order_line_reference": order_line_id(int(row_id)) if model == _ORDER_LINE_MODEL else ""}


def _total(head: Row) -> Document:
    return {
        "line_extension_amount_fen": fen(head["untaxed_amount"]),
        "payable_amount_fen": fen(head["total_amount"]),
    }


def _received_on(raw: RawDocument) -> date | None:
    if raw.head["effective_date"] is not None:
        received: date = raw.head["effective_date"]
        return received
    # Until the goods are put away only the moves carry the date.
    return max((line["effective_date"] for line in raw.lines if line["effective_date"] is not None), default=None)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def microseconds(changed_at: datetime) -> int:
    """Microseconds since 1970."""
    return (changed_at - _EPOCH) // timedelta(microseconds=1)


def fen(amount_yuan: Decimal) -> int:
    """Whole fen of an amount in yuan; raises `UpstreamMalformed` for a fraction of a fen."""
    amount_fen = amount_yuan * 100
    if amount_fen != amount_fen.to_integral_value():
        raise UpstreamMalformed("an amount has a fraction of a fen")
    return int(amount_fen)


def decimal_text(value: Decimal | int) -> str:
    """A number as plain decimal text without trailing zeros: "12.5", "100", never "1E+2"."""
    number = Decimal(value)
    if number == number.to_integral_value():
        return str(int(number))
    return format(number.normalize(), "f")
