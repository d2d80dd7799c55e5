"""The client of the buyers' ERP connectors, against a connector that answers over gRPC."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
import pytest_asyncio
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc

from hub.receivables.trade.client import GrpcErpConnectors, pulled
from hub.receivables.trade.model import DocumentKind, check_document
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused


def message(**changes: Any) -> pb.TradeDocument:
    """An invoice of one line as a connector sends it."""
    line = pb.TradeLine(
        order_line_id=trade.STEEL,
        item_name="钢板",
        quantity="40.50",
        unit_code="KGM",
        unit_price_fen="1250.5",
        line_extension_amount_fen=50_645,
    )
    whole: dict[str, Any] = {
        "document_id": "invoice-1",
        "kind": pb.TRADE_DOCUMENT_KIND_INVOICE,
        "number": "NO-invoice-1",
        "order_document_ids": ["purchase-1"],
        "buyer_uscc": trade.BUYER,
        "supplier_uscc": trade.SUPPLIER,
        "supplier_name": "沙盒通达精密零件有限公司",
        "issue_date": "2026-01-05",
        "due_date": "2026-04-05",
        "currency": "CNY",
        "lines": [line],
        "tax_amount_fen": 6_584,
        "payable_amount_fen": 57_229,
        "erp_state": "posted",
        "version": 7,
    }
    return pb.TradeDocument(**{**whole, **changes})


class Connector(pb_grpc.ErpConnectorServiceServicer):
    """Answers what the test tells it to."""

    def __init__(self) -> None:
        self.requests: list[pb.ListTradeDocumentsRequest] = []
        self.status: grpc.StatusCode | None = None
        self.delay_s = 0.0

    async def ListTradeDocuments(self, request: Any, context: Any) -> pb.ListTradeDocumentsResponse:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        if self.status is not None:
            await context.abort(self.status, "internal words of the connector")
        fault = pb.TradeDocumentFault(document_id="invoice-9", detail="issue_date breaks the schema")
        return pb.ListTradeDocumentsResponse(documents=[message()], faults=[fault], next_cursor="c-1")


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest_asyncio.fixture
async def client(connector: Connector) -> AsyncIterator[GrpcErpConnectors]:
    server = grpc.aio.server()
    pb_grpc.add_ErpConnectorServiceServicer_to_server(connector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield GrpcErpConnectors({trade.BUYER: channel}, deadline_s=0.5)
    await server.stop(None)


async def test_a_page_is_read(client: GrpcErpConnectors, connector: Connector) -> None:
    page = await client.list_documents(trade.BUYER, "c-0", 200)
    assert (page.next_cursor, page.has_more, [item.version for item in page.documents]) == ("c-1", False, [7, 0])
    assert (page.documents[1].document, page.documents[1].fault) == (None, "issue_date breaks the schema")
    assert [(request.cursor, request.page_size) for request in connector.requests] == [("c-0", 200)]


async def test_a_buyer_without_a_connector_is_told(client: GrpcErpConnectors) -> None:
    await refused("NOT_FOUND", client.list_documents(trade.SUPPLIER, "", 200))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE"),
        (grpc.StatusCode.INTERNAL, "PROVIDER_FAULT"),
        (grpc.StatusCode.UNKNOWN, "PROVIDER_FAULT"),
        (grpc.StatusCode.PERMISSION_DENIED, "PROVIDER_FAULT"),
        (grpc.StatusCode.INVALID_ARGUMENT, "PROVIDER_FAULT"),
    ],
)
async def test_the_connectors_faults_are_the_providers(
    client: GrpcErpConnectors, connector: Connector, status: grpc.StatusCode, code: str
) -> None:
    connector.status = status
    await refused(code, client.list_documents(trade.BUYER, "", 200))


async def test_a_silent_connector_times_out(client: GrpcErpConnectors, connector: Connector) -> None:
    connector.delay_s = 5
    await refused("PROVIDER_TIMEOUT", client.list_documents(trade.BUYER, "", 200))


async def test_no_call_happens_inside_a_transaction(client: GrpcErpConnectors, world: World) -> None:
    with pytest.raises(RuntimeError):
        await world.run(lambda: client.list_documents(trade.BUYER, "", 200))


def test_a_document_keeps_its_meaning() -> None:
    document = pulled(message()).document
    assert document is not None
    check_document(document)
    assert (document.kind, document.due_date) == (DocumentKind.INVOICE, dt.date(2026, 4, 5))
    assert (document.lines[0].quantity, document.lines[0].unit_price_fen) == (Decimal("40.5"), Decimal("1250.5"))


def test_a_receipt_needs_neither_prices_nor_currency() -> None:
    line = pb.TradeLine(order_line_id=trade.STEEL, item_name="钢板", quantity="40", unit_code="KGM")
    receipt = pulled(
        message(
            kind=pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE,
            due_date="",
            currency="",
            lines=[line],
            tax_amount_fen=0,
            payable_amount_fen=0,
        )
    ).document
    assert receipt is not None
    check_document(receipt)
    assert (receipt.due_date, receipt.lines[0].unit_price_fen) == (None, Decimal(0))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 99}, "kind"),
        ({"issue_date": ""}, "issue_date"),
        ({"issue_date": "2026-02-30"}, "issue_date"),
        ({"issue_date": "20260105"}, "issue_date"),
        ({"due_date": "next week"}, "due_date"),
        ({"lines": [pb.TradeLine(quantity="1e3", unit_price_fen="1")]}, "quantity"),
        ({"lines": [pb.TradeLine(quantity="-1", unit_price_fen="1")]}, "quantity"),
        ({"lines": [pb.TradeLine(quantity="NaN", unit_price_fen="1")]}, "quantity"),
        ({"lines": [pb.TradeLine(quantity="", unit_price_fen="1")]}, "quantity"),
        ({"lines": [pb.TradeLine(quantity="1", unit_price_fen="1,5")]}, "unit_price_fen"),
        ({"lines": [pb.TradeLine(quantity="１", unit_price_fen="1")]}, "quantity"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_fault(changes: dict[str, Any], fault: str) -> None:
    item = pulled(message(**changes))
    assert item.document is None
    assert item.fault.startswith(fault)
    assert (item.document_id, item.number, item.version) == ("invoice-1", "NO-invoice-1", 7)
