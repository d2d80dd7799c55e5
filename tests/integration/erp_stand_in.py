"""A second buyer's ERP connector, served by the test over mTLS: it delivers what a sound ERP would never let out.

Threads, not asyncio: it must answer while tests with event loops of their own come and go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc

from connectors.kit.sandbox_companies import DEALER, SUPPLIER
from deploy.pki import TlsFiles
from hub.receivables.trade.model import DocumentKind, TradeDocument, decimal_text
from tests.unit.hub.receivables import trade

# An older invoice, code and number: its supplier can issue it with the tax authority under this very number.
SIGNED_CODE, SIGNED_NUMBER = "044001900111", "00000001"
UNSIGNED, SIGNED, WRONG_TOTAL = "NO-invoice-unsigned", SIGNED_CODE + SIGNED_NUMBER, "NO-invoice-wrong-total"
TERM = dt.timedelta(days=90)
KINDS = {
    DocumentKind.ORDER: pb.TRADE_DOCUMENT_KIND_ORDER,
    DocumentKind.RECEIPT_ADVICE: pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE,
    DocumentKind.INVOICE: pb.TRADE_DOCUMENT_KIND_INVOICE,
}


def documents(today: dt.date) -> list[TradeDocument]:
    """Trades between the dealer, as the buyer, and the supplier: two sound ones, one with an invoice of wrong total."""
    found = []
    for name in ("unsigned", "signed", "wrong-total"):
        found += [
            trade.order(document_id=f"purchase-{name}"),
            trade.receipt(f"shipment-{name}", f"purchase-{name}", steel="40"),
            trade.invoice(f"invoice-{name}", f"purchase-{name}", steel="40"),
        ]
    found[-1] = replace(found[-1], payable_amount_fen=found[-1].payable_amount_fen + 1)
    return [_between_our_companies(document, today) for document in found]


def _between_our_companies(document: TradeDocument, today: dt.date) -> TradeDocument:
    due = today + TERM if document.due_date else None
    parties = {"buyer_uscc": DEALER.uscc, "supplier_uscc": SUPPLIER.uscc, "supplier_name": SUPPLIER.name_zh}
    number = SIGNED if document.document_id == "invoice-signed" else document.number
    return replace(document, **parties, number=number, issue_date=today, due_date=due)


def to_message(document: TradeDocument) -> pb.TradeDocument:
    """The wire form of a posted document."""
    lines = [
        pb.TradeLine(
            order_line_id=line.order_line_id,
            item_name=line.item_name,
            quantity=decimal_text(line.quantity),
            unit_code=line.unit_code,
            unit_price_fen=decimal_text(line.unit_price_fen),
            line_extension_amount_fen=line.line_extension_amount_fen,
        )
        for line in document.lines
    ]
    return pb.TradeDocument(
        document_id=document.document_id,
        kind=KINDS[document.kind],
        number=document.number,
        order_document_ids=document.order_document_ids,
        buyer_uscc=document.buyer_uscc,
        supplier_uscc=document.supplier_uscc,
        supplier_name=document.supplier_name,
        issue_date=document.issue_date.isoformat(),
        due_date=document.due_date.isoformat() if document.due_date else "",
        currency=document.currency,
        lines=lines,
        tax_amount_fen=document.tax_amount_fen,
        payable_amount_fen=document.payable_amount_fen,
        erp_state="posted",
        version=1,
    )


class ErpStandIn(erp_connector_service_pb2_grpc.ErpConnectorServiceServicer):
    """Delivers its trades on one page."""

    def DescribeErp(self, request: pb.DescribeErpRequest, context: Any) -> pb.DescribeErpResponse:
        """Whose it is."""
        return pb.DescribeErpResponse(
            buyer_uscc=DEALER.uscc, buyer_name=DEALER.name_zh, erp="stand-in", erp_version="1"
        )

    def ListTradeDocuments(self, request: pb.ListTradeDocumentsRequest, context: Any) -> pb.ListTradeDocumentsResponse:
        """Everything, once."""
        if request.cursor:
            return pb.ListTradeDocumentsResponse(next_cursor=request.cursor)
        today = dt.datetime.now(dt.UTC).date()
        return pb.ListTradeDocumentsResponse(documents=map(to_message, documents(today)), next_cursor="1")


@contextmanager
def serving(files: TlsFiles) -> Iterator[int]:
    """Serve on a free port of 127.0.0.1; yields the port."""
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    erp_connector_service_pb2_grpc.add_ErpConnectorServiceServicer_to_server(ErpStandIn(), server)
    pair = (files.key.read_bytes(), files.certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], files.ca.read_bytes(), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0)
