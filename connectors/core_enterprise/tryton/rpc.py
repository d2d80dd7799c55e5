"""`ErpConnectorService` on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc

from connectors.core_enterprise.tryton.connector import TrytonConnector
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


@contextmanager
def _as_provider_error() -> Iterator[None]:
    try:
        yield
    except UpstreamError as error:
        raise provider_error(error, ERP) from error
