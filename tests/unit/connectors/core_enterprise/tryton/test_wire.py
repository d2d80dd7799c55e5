"""From documents to messages of huilian.connector.v1."""

from __future__ import annotations

from google.protobuf import json_format
from huilian.connector.v1 import erp_connector_service_pb2 as pb

from connectors.core_enterprise.tryton.connector import DocumentFault, TradeDocument
from connectors.core_enterprise.tryton.mapping import to_document
from connectors.core_enterprise.tryton.origins import Answer
from connectors.core_enterprise.tryton.queries import Kind, RawDocument
from connectors.core_enterprise.tryton.wire import to_fault, to_message

from .raw_documents import (
    BUYER_USCC,
    SUPPLIER_USCC,
    move,
    raw_credit_note,
    raw_invoice,
    raw_order,
    raw_receipt,
    raw_return,
)


def message(raw: RawDocument) -> pb.TradeDocument:
    return to_message(TradeDocument(raw.kind, to_document(raw)))


def test_order() -> None:
    assert json_format.MessageToDict(message(raw_order()), preserving_proto_field_name=True) == {
        "document_id": "order-4",
        "kind": "TRADE_DOCUMENT_KIND_ORDER",
        "number": "PO000004",
        "buyer_uscc": BUYER_USCC,
        "supplier_uscc": SUPPLIER_USCC,
        "supplier_name": "卖方",
        "issue_date": "2026-01-05",
        "currency": "CNY",
        "lines": [
            {
                "order_line_id": "order-line-3",
                "item_name": "钢板",
                "quantity": "12.5",
                "unit_code": "KGM",
                "unit_price_fen": "33050.5",
                "line_extension_amount_fen": "413131",
            }
        ],
        "tax_amount_fen": "53707",
        "payable_amount_fen": "466838",
        "erp_state": "processing",
        "version": "1767580200250000",
    }


def test_receipt_carries_no_money() -> None:
    receipt = message(raw_receipt(move(1, "60")))
    assert receipt.kind == pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE
    assert list(receipt.order_document_ids) == ["order-4"]
    assert (receipt.currency, receipt.tax_amount_fen, receipt.payable_amount_fen, receipt.due_date) == ("", 0, 0, "")
    (line,) = receipt.lines
    assert (line.order_line_id, line.quantity) == ("order-line-3", "60")
    assert (line.unit_price_fen, line.line_extension_amount_fen) == ("", 0)


def test_invoice() -> None:
    invoice = message(raw_invoice())
    assert invoice.kind == pb.TRADE_DOCUMENT_KIND_INVOICE
    assert (invoice.number, invoice.due_date) == ("26449900000000000001", "2026-04-22")
    assert (invoice.tax_amount_fen, invoice.payable_amount_fen) == (97_500, 847_500)
    assert invoice.lines[0].order_line_id == "order-line-3"


def test_a_return_and_a_credit_note() -> None:
    back = message(raw_return(move(1, "10"), answers={1: Answer(4, 3)}))
    assert (back.kind, list(back.order_document_ids)) == (pb.TRADE_DOCUMENT_KIND_DESPATCH_ADVICE, ["order-4"])
    assert (back.lines[0].quantity, back.lines[0].unit_price_fen, back.payable_amount_fen) == ("10", "", 0)
    note = message(raw_credit_note(answers={8: Answer(4, 3, 6)}))
    assert (note.kind, list(note.billing_document_ids)) == (pb.TRADE_DOCUMENT_KIND_CREDIT_NOTE, ["invoice-6"])
    assert (note.lines[0].quantity, note.payable_amount_fen, note.due_date) == ("10", 141_250, "")


def test_fault() -> None:
    fault = to_fault(DocumentFault(Kind.INVOICE, "invoice-6", "due_date breaks the schema"))
    assert (fault.document_id, fault.kind, fault.detail) == (
        "invoice-6",
        pb.TRADE_DOCUMENT_KIND_INVOICE,
        "due_date breaks the schema",
    )
