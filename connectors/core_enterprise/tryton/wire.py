"""From trade documents (JSON, `schemas/`) to the messages of `huilian.connector.v1`."""

from __future__ import annotations

from huilian.connector.v1 import erp_connector_service_pb2 as pb

from connectors.core_enterprise.tryton.connector import DocumentFault, TradeDocument
from connectors.core_enterprise.tryton.mapping import Document
from connectors.core_enterprise.tryton.queries import Kind

_KINDS = {
    Kind.ORDER: pb.TRADE_DOCUMENT_KIND_ORDER,
    Kind.RECEIPT: pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE,
    Kind.INVOICE: pb.TRADE_DOCUMENT_KIND_INVOICE,
    Kind.RETURN: pb.TRADE_DOCUMENT_KIND_DESPATCH_ADVICE,
    Kind.CREDIT_NOTE: pb.TRADE_DOCUMENT_KIND_CREDIT_NOTE,
}
# Where each kind keeps its parties, lines, quantities and total.
_BUYER = {
    Kind.ORDER: "buyer_customer_party",
    Kind.RECEIPT: "delivery_customer_party",
    Kind.INVOICE: "accounting_customer_party",
    Kind.RETURN: "despatch_customer_party",
    Kind.CREDIT_NOTE: "accounting_customer_party",
}
_SUPPLIER = {
    Kind.ORDER: "seller_supplier_party",
    Kind.RECEIPT: "despatch_supplier_party",
    Kind.INVOICE: "accounting_supplier_party",
    Kind.RETURN: "delivery_supplier_party",
    Kind.CREDIT_NOTE: "accounting_supplier_party",
}
_LINES = {
    Kind.ORDER: "order_line",
    Kind.RECEIPT: "receipt_line",
    Kind.INVOICE: "invoice_line",
    Kind.RETURN: "despatch_line",
    Kind.CREDIT_NOTE: "credit_note_line",
}
_QUANTITY = {
    Kind.ORDER: "quantity",
    Kind.RECEIPT: "received_quantity",
    Kind.INVOICE: "invoiced_quantity",
    Kind.RETURN: "delivered_quantity",
    Kind.CREDIT_NOTE: "credited_quantity",
}
_TOTAL = {
    Kind.ORDER: "anticipated_monetary_total",
    Kind.INVOICE: "legal_monetary_total",
    Kind.CREDIT_NOTE: "legal_monetary_total",
}


def to_message(document: TradeDocument) -> pb.TradeDocument:
    """The message of a document that passed its schema."""
    kind, content = document.kind, document.content
    buyer, supplier = content[_BUYER[kind]], content[_SUPPLIER[kind]]
    return pb.TradeDocument(
        document_id=content["document_id"],
        kind=_KINDS[kind],
        number=content["id"],
        order_document_ids=[order["id"] for order in content.get("order_reference", ())],
        buyer_uscc=buyer["company_id"],
        supplier_uscc=supplier["company_id"],
        supplier_name=supplier["registration_name"],
        issue_date=content["issue_date"],
        due_date=content.get("due_date", ""),
        currency=content.get("document_currency_code", ""),
        lines=[_line(kind, line) for line in content[_LINES[kind]]],
        tax_amount_fen=content["tax_total"]["tax_amount_fen"] if "tax_total" in content else 0,
        payable_amount_fen=content[_TOTAL[kind]]["payable_amount_fen"] if kind in _TOTAL else 0,
        erp_state=content["erp_state"],
        version=content["version"],
        billing_document_ids=[invoice["id"] for invoice in content.get("billing_reference", ())],
    )


def to_fault(fault: DocumentFault) -> pb.TradeDocumentFault:
    """The message that names a document which was left out."""
    return pb.TradeDocumentFault(document_id=fault.document_id, kind=_KINDS[fault.kind], detail=fault.detail)


def _line(kind: Kind, line: Document) -> pb.TradeLine:
    return pb.TradeLine(
        order_line_id=line["id"] if kind is Kind.ORDER else line["order_line_reference"],
        item_name=line["item"]["name"],
        quantity=line[_QUANTITY[kind]],
        unit_code=line["unit_code"],
        unit_price_fen=line.get("price_amount_fen", ""),
        line_extension_amount_fen=line.get("line_extension_amount_fen", 0),
    )
