"""`ErpConnectorService` on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc
from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.connector import TrytonConnector
from connectors.core_enterprise.tryton.payments import LedgerEntry, Payment
from connectors.core_enterprise.tryton.sales import to_message as to_sale_message
from connectors.core_enterprise.tryton.wire import to_fault, to_message
from connectors.kit.contract import UpstreamError, provider_error

ERP = "Tryton"


class ErpConnectorServicer(erp_connector_service_pb2_grpc.ErpConnectorServiceServicer):
    """Serves one enterprise's ERP to hubs."""

    def __init__(self, connector: TrytonConnector) -> None:
        self._connector = connector

    async def DescribeErp(self, request: pb.DescribeErpRequest, context: Any) -> pb.DescribeErpResponse:
        """Whose ERP it is."""
        with _as_provider_error():
            erp = await self._connector.describe()
        return pb.DescribeErpResponse(
            buyer_uscc=erp.buyer_uscc, buyer_name=erp.buyer_name, erp=erp.erp, erp_version=erp.erp_version
        )

    async def ListTradeDocuments(
        self, request: pb.ListTradeDocumentsRequest, context: Any
    ) -> pb.ListTradeDocumentsResponse:
        """Documents that changed after the request's cursor."""
        with _as_provider_error():
            page = await self._connector.list_trade_documents(request.cursor, request.page_size)
        return pb.ListTradeDocumentsResponse(
            documents=[to_message(document) for document in page.documents],
            faults=[to_fault(fault) for fault in page.faults],
            next_cursor=page.next_cursor,
            has_more=page.has_more,
        )

    async def ListSales(self, request: pb.ListSalesRequest, context: Any) -> pb.ListSalesResponse:
        """Customer invoices that changed after the request's cursor."""
        with _as_provider_error():
            page = await self._connector.sales.page(request.cursor, request.page_size)
        return pb.ListSalesResponse(
            sales=[to_sale_message(sale) for sale in page.sales],
            faults=[pb.SaleFault(document_id=name, detail=detail) for name, detail in page.faults],
            next_cursor=page.next_cursor,
            has_more=page.has_more,
        )

    async def RecordPayment(self, request: pb.RecordPaymentRequest, context: Any) -> pb.RecordPaymentResponse:
        """Post a payment, once."""
        payment = Payment(
            request.payment_id, request.invoice_document_id, request.amount_fen, _day(request.payment_date)
        )
        with _as_provider_error():
            recorded = await self._connector.payments.record(payment)
        return pb.RecordPaymentResponse(entry_number=recorded.entry_number, recorded_before=recorded.before)

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        """What the general ledger says about some invoices."""
        with _as_provider_error():
            entries = await self._connector.ledger.entries(request.invoice_document_ids)
        return pb.ListLedgerEntriesResponse(entries=[_entry(entry) for entry in entries])


def _entry(entry: LedgerEntry) -> pb.LedgerEntry:
    return pb.LedgerEntry(
        entry_id=entry.entry_id,
        entry_number=entry.entry_number,
        invoice_document_id=entry.invoice_document_id,
        payment_id=entry.payment_id,
        entry_date=entry.entry_date.isoformat(),
        debit_fen=entry.debit_fen,
        credit_fen=entry.credit_fen,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no such day", field="payment_date") from error


@contextmanager
def _as_provider_error() -> Iterator[None]:
    try:
        yield
    except UpstreamError as error:
        raise provider_error(error, ERP) from error
