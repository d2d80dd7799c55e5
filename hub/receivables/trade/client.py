"""The hub's side of the buyers' ERP connectors: `ErpConnectors` over gRPC."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal

import grpc
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.platform.transactions import forbid_transaction
from hub.receivables.ports import ErpPage, PulledDocument, Sale, SalesPage
from hub.receivables.trade.model import UNPRICED, DocumentKind, DocumentLine, TradeDocument

DEADLINE_S = 30.0
CURRENCY = "CNY"

_DECIMAL = re.compile(r"\A[0-9]{1,15}(\.[0-9]{1,8})?\Z")
_KINDS = {
    pb.TRADE_DOCUMENT_KIND_ORDER: DocumentKind.ORDER,
    pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE: DocumentKind.RECEIPT_ADVICE,
    pb.TRADE_DOCUMENT_KIND_INVOICE: DocumentKind.INVOICE,
    pb.TRADE_DOCUMENT_KIND_DESPATCH_ADVICE: DocumentKind.DESPATCH_ADVICE,
    pb.TRADE_DOCUMENT_KIND_CREDIT_NOTE: DocumentKind.CREDIT_NOTE,
}
# What these say of a call to a connector is said of the connector, not of whoever asked the hub.
_PROVIDER_FAULTS = {
    "UNAVAILABLE": "PROVIDER_UNAVAILABLE",
    "DEADLINE_EXCEEDED": "PROVIDER_TIMEOUT",
    "INTERNAL": "PROVIDER_FAULT",
    "UNAUTHENTICATED": "PROVIDER_FAULT",
    "PERMISSION_DENIED": "PROVIDER_FAULT",
    "INVALID_ARGUMENT": "PROVIDER_FAULT",
}


class GrpcErpConnectors:
    """One channel (mTLS) per buyer, opened and closed by the composition root."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], deadline_s: float = DEADLINE_S) -> None:
        self._stubs = {uscc: pb_grpc.ErpConnectorServiceStub(channel) for uscc, channel in channels.items()}
        self._deadline_s = deadline_s

    async def list_documents(self, buyer_uscc: str, cursor: str, page_size: int) -> ErpPage:
        """One page. Raises NOT_FOUND, PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT."""
        forbid_transaction("a call to an ERP connector")
        stub = self._stubs.get(buyer_uscc)
        if stub is None:
            raise HuilianError("NOT_FOUND", "this buyer has no ERP connector", resource="ERP connector")
        request = pb.ListTradeDocumentsRequest(cursor=cursor, page_size=page_size)
        try:
            answer: pb.ListTradeDocumentsResponse = await stub.ListTradeDocuments(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            raise as_provider_error(error) from error
        left_out = [PulledDocument(item.document_id, "", 0, "", None, item.detail) for item in answer.faults]
        documents = (*(pulled(item) for item in answer.documents), *left_out)
        return ErpPage(documents, answer.next_cursor, answer.has_more)

    async def list_sales(self, core_uscc: str, cursor: str, page_size: int) -> SalesPage:
        """One page of sales. Raises as `list_documents`; a sale that cannot be read is named, and the rest goes on."""
        forbid_transaction("a call to an ERP connector")
        stub = self._stubs.get(core_uscc)
        if stub is None:
            raise HuilianError("NOT_FOUND", "this enterprise has no ERP connector", resource="ERP connector")
        request = pb.ListSalesRequest(cursor=cursor, page_size=page_size)
        try:
            answer: pb.ListSalesResponse = await stub.ListSales(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            raise as_provider_error(error) from error
        sales, faults = [], [(fault.document_id, fault.detail) for fault in answer.faults]
        for message in answer.sales:
            try:
                sales.append(_sale(message))
            except ValueError as error:
                faults.append((message.document_id, str(error)))
        return SalesPage(tuple(sales), tuple(faults), answer.next_cursor, answer.has_more)


def _sale(message: pb.Sale) -> Sale:
    if message.currency != CURRENCY:
        raise ValueError("currency: not CNY")
    return Sale(
        core_uscc=message.core_uscc,
        document_id=message.document_id,
        version=message.version,
        dealer_uscc=message.dealer_uscc,
        number=message.number,
        issue_date=_date("issue_date", message.issue_date),
        due_date=_date("due_date", message.due_date),
        amount_fen=message.payable_amount_fen,
        state=message.erp_state,
        paid_on=_date("paid_date", message.paid_date) if message.paid_date else None,
    )


def pulled(message: pb.TradeDocument) -> PulledDocument:
    """A delivered document; one that cannot be read is kept with its fault, so that the rest goes on."""
    document, fault = None, ""
    try:
        document = _document(message)
    except ValueError as error:
        fault = str(error)
    return PulledDocument(message.document_id, message.number, message.version, message.erp_state, document, fault)


def _document(message: pb.TradeDocument) -> TradeDocument:
    kind = _KINDS.get(message.kind)
    if kind is None:
        raise ValueError("kind: not one that is known")
    return TradeDocument(
        document_id=message.document_id,
        kind=kind,
        number=message.number,
        order_document_ids=tuple(message.order_document_ids),
        buyer_uscc=message.buyer_uscc,
        supplier_uscc=message.supplier_uscc,
        supplier_name=message.supplier_name,
        issue_date=_date("issue_date", message.issue_date),
        due_date=_date("due_date", message.due_date) if message.due_date else None,
        currency=message.currency,
        lines=tuple(_line(line, kind) for line in message.lines),
        tax_amount_fen=message.tax_amount_fen,
        payable_amount_fen=message.payable_amount_fen,
        billing_document_ids=tuple(message.billing_document_ids),
    )


def _line(message: pb.TradeLine, kind: DocumentKind) -> DocumentLine:
    is_priced = kind not in UNPRICED
    return DocumentLine(
        order_line_id=message.order_line_id,
        item_name=message.item_name,
        quantity=_decimal("quantity", message.quantity),
        unit_code=message.unit_code,
        unit_price_fen=_decimal("unit_price_fen", message.unit_price_fen) if is_priced else Decimal(0),
        line_extension_amount_fen=message.line_extension_amount_fen if is_priced else 0,
    )


def _date(name: str, text: str) -> dt.date:
    if len(text) != len("YYYY-MM-DD"):
        raise ValueError(f"{name}: not a date")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name}: not a date") from error


def _decimal(name: str, text: str) -> Decimal:
    if not _DECIMAL.match(text):
        raise ValueError(f"{name}: not a decimal")
    return Decimal(text)


def as_provider_error(error: grpc.RpcError) -> HuilianError:
    """What a connector's failure is called towards whoever asked the hub."""
    stated = from_rpc_error(error)
    code = _PROVIDER_FAULTS.get(stated.code)
    return stated if code is None else HuilianError(code, stated.detail, provider="ERP")
