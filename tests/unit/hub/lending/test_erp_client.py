"""The client of buyers' ERP ledgers, against a connector that answers over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc

from hub.lending.erp.client import GrpcErpLedgers
from tests.unit.hub.lending.test_erp_payments import payment
from tests.unit.hub.lending.world import BUYER, refused


class Connector(pb_grpc.ErpConnectorServiceServicer):
    """Answers what the test tells it to."""

    def __init__(self) -> None:
        self.status: grpc.StatusCode | None = None
        self.number = "MOVE-1"
        self.entry = pb.LedgerEntry(entry_id="entry-1", entry_date="2026-04-05", debit_fen=5)

    async def RecordPayment(self, request: Any, context: Any) -> pb.RecordPaymentResponse:
        if self.status is not None:
            await context.abort(self.status, "internal words of the connector")
        assert (request.payment_id, request.amount_fen, request.payment_date) == ("p1", 7, "2026-04-05")
        return pb.RecordPaymentResponse(entry_number=self.number)

    async def ListLedgerEntries(self, request: Any, context: Any) -> pb.ListLedgerEntriesResponse:
        return pb.ListLedgerEntriesResponse(entries=[self.entry])


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest_asyncio.fixture
async def client(connector: Connector) -> AsyncIterator[GrpcErpLedgers]:
    server = grpc.aio.server()
    pb_grpc.add_ErpConnectorServiceServicer_to_server(connector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield GrpcErpLedgers({BUYER: channel}, deadline_s=2.0)
    await server.stop(None)


async def test_what_it_says_is_read(client: GrpcErpLedgers) -> None:
    assert client.has(BUYER) and not client.has("somebody")
    assert await client.record_payment(payment("p1", 7)) == "MOVE-1"
    (entry,) = await client.ledger_entries(BUYER, ["invoice-1"])
    assert (entry.entry_id, entry.debit_fen, entry.entry_date.isoformat()) == ("entry-1", 5, "2026-04-05")


async def test_nonsense_and_absence_are_the_connectors_fault(client: GrpcErpLedgers, connector: Connector) -> None:
    connector.number = ""
    await refused("PROVIDER_FAULT", client.record_payment(payment("p1", 7)))
    for broken in ({"entry_id": ""}, {"debit_fen": -1}, {"entry_date": "soon"}):
        sound = {"entry_id": "entry-1", "entry_date": "2026-04-05", "debit_fen": 5}
        connector.entry = pb.LedgerEntry(**{**sound, **broken})
        await refused("PROVIDER_FAULT", client.ledger_entries(BUYER, ["invoice-1"]))
    connector.status = grpc.StatusCode.UNAVAILABLE
    await refused("PROVIDER_UNAVAILABLE", client.record_payment(payment("p1", 7)))
