"""The connector's gRPC side over mutual TLS in front of a real Tryton, and its process from start to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc
from huilian_protocol.status import from_rpc_error

from connectors.core_enterprise.tryton.__main__ import edge_server
from connectors.core_enterprise.tryton.process import TrytonProcess
from connectors.core_enterprise.tryton.sandbox import Goods
from connectors.core_enterprise.tryton.sandbox_setup import CONNECTOR_PASSWORD, CONNECTOR_USER
from connectors.core_enterprise.tryton.settings import TrytonSettings
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER
from deploy.pki import SitePki, TlsFiles

from .conftest import Erp

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 20.0


@pytest.fixture
def pki(tmp_path: Path) -> SitePki:
    # TLS reads the real clock, so its certificates have to be made by it.
    return SitePki(tmp_path / "pki", datetime.now(UTC))


@pytest.fixture
def environment(tmp_path: Path, pki: SitePki, tryton: TrytonProcess) -> dict[str, str]:
    """The settings of a connector that lets hub-a in and listens on a free port."""
    password = tmp_path / "password"
    password.write_text(CONNECTOR_PASSWORD + "\n")
    own = pki.issue("tryton-connector")
    return {
        "HUILIAN_TRYTON_URL": tryton.base_url,
        "HUILIAN_TRYTON_USER": CONNECTOR_USER,
        "HUILIAN_TRYTON_PASSWORD_FILE": str(password),
        "HUILIAN_LISTEN": "127.0.0.1:0",
        "HUILIAN_TLS_CERTIFICATE_FILE": str(own.certificate),
        "HUILIAN_TLS_KEY_FILE": str(own.key),
        "HUILIAN_TLS_CA_FILE": str(own.ca),
        "HUILIAN_ALLOWED_CLIENTS": "hub-a",
    }


@asynccontextmanager
async def channel_as(files: TlsFiles, port: int, *, show: bool = True) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of the holder of `files`; `show=False` connects without a certificate of its own."""
    credentials = grpc.ssl_channel_credentials(
        files.ca.read_bytes(),
        files.key.read_bytes() if show else None,
        files.certificate.read_bytes() if show else None,
    )
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        yield channel


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[int]:
    async with edge_server(TrytonSettings.from_environment(environment)) as server:
        await server.start()
        yield server.port
        await server.stop()


@asynccontextmanager
async def stub_of(environment: dict[str, str], client: TlsFiles) -> AsyncIterator[pb_grpc.ErpConnectorServiceAsyncStub]:
    async with serving(environment) as port, channel_as(client, port) as channel:
        yield pb_grpc.ErpConnectorServiceStub(channel)


async def test_hub_sees_the_whole_trade(environment: dict[str, str], pki: SitePki, erp: Erp) -> None:
    start = await erp.end()
    goods = [Goods("BRG-1", "轴承", Decimal(10), Decimal(12_500))]
    order = await erp.staff.order(SUPPLIER, goods, ordered_on=date(2026, 1, 5))
    await erp.staff.receive(order, received_on=date(2026, 1, 6), delivery_note="DN")
    await erp.staff.invoice(order, invoice_number="26449900000000000061", issued_on=date(2026, 1, 7))
    async with stub_of(environment, pki.issue("hub-a")) as stub:
        described = await stub.DescribeErp(pb.DescribeErpRequest(), timeout=DEADLINE_S)
        assert described.buyer_uscc == CORE_ENTERPRISE.uscc
        request = pb.ListTradeDocumentsRequest(cursor=start, page_size=10)
        answer = await stub.ListTradeDocuments(request, timeout=DEADLINE_S)
    assert not answer.has_more
    assert list(answer.faults) == []
    documents = {document.kind: document for document in answer.documents}
    order_line = documents[pb.TRADE_DOCUMENT_KIND_ORDER].lines[0].order_line_id
    invoice = documents[pb.TRADE_DOCUMENT_KIND_INVOICE]
    assert invoice.supplier_uscc == SUPPLIER.uscc
    assert invoice.payable_amount_fen == 141_250
    assert [line.order_line_id for line in invoice.lines] == [order_line]
    assert [line.order_line_id for line in documents[pb.TRADE_DOCUMENT_KIND_RECEIPT_ADVICE].lines] == [order_line]


async def test_hub_that_is_not_on_the_list_is_refused(environment: dict[str, str], pki: SitePki) -> None:
    async with stub_of(environment, pki.issue("hub-b")) as stub:
        for call in (
            stub.DescribeErp(pb.DescribeErpRequest()),
            stub.ListTradeDocuments(pb.ListTradeDocumentsRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert from_rpc_error(caught.value).code == "PERMISSION_DENIED"


async def test_nobody_gets_in_without_a_certificate_of_our_authority(
    environment: dict[str, str], pki: SitePki, tmp_path: Path
) -> None:
    stranger = SitePki(tmp_path / "other", datetime.now(UTC)).issue("hub-a")
    forged = TlsFiles(stranger.certificate, stranger.key, pki.issue("hub-a").ca)
    async with serving(environment) as port:
        for show in (True, False):
            async with channel_as(forged, port, show=show) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    stub = pb_grpc.ErpConnectorServiceStub(channel)
                    await stub.DescribeErp(pb.DescribeErpRequest(), timeout=DEADLINE_S)
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListTradeDocumentsRequest(cursor="nonsense"), "cursor"),
        (pb.ListTradeDocumentsRequest(page_size=501), "page_size"),
        (pb.ListTradeDocumentsRequest(page_size=-1), "page_size"),
    ],
)
async def test_wrong_request_is_the_callers_fault(
    environment: dict[str, str], pki: SitePki, request_: pb.ListTradeDocumentsRequest, field: str
) -> None:
    async with stub_of(environment, pki.issue("hub-a")) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListTradeDocuments(request_, timeout=DEADLINE_S)
    error = from_rpc_error(caught.value)
    assert (error.code, error.params["field"]) == ("INVALID_ARGUMENT", field)


async def test_tryton_away_and_tryton_silent_are_told_apart(environment: dict[str, str], pki: SitePki) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        cases = {
            "http://127.0.0.1:1": "PROVIDER_UNAVAILABLE",
            f"http://127.0.0.1:{silent.getsockname()[1]}": "DEADLINE_EXCEEDED",
        }
        for url, code in cases.items():
            async with stub_of({**environment, "HUILIAN_TRYTON_URL": url}, pki.issue("hub-a")) as stub:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stub.DescribeErp(pb.DescribeErpRequest(), timeout=1.0)
            assert from_rpc_error(caught.value).code == code


async def test_process_starts_serves_and_stops(environment: dict[str, str], pki: SitePki) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await _start({**environment, "HUILIAN_LISTEN": f"127.0.0.1:{port}"})
    async with channel_as(pki.issue("hub-a"), port) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S, wait_for_ready=True)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    process.send_signal(signal.SIGTERM)
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert f"serving port={port}" in output
    assert CONNECTOR_PASSWORD not in output


async def test_process_does_not_start_with_a_wrong_setting(environment: dict[str, str]) -> None:
    process = await _start({**environment, "HUILIAN_LISTEN": "everywhere", "HUILIAN_COLOUR": "red"})
    output = (await process.communicate())[0].decode()
    assert process.returncode == 2
    assert "HUILIAN_LISTEN: " in output
    assert "HUILIAN_COLOUR: " in output


async def _start(environment: dict[str, str]) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUILIAN_")}
    path = os.pathsep.join([str(ROOT), str(ROOT / "sdk")])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "connectors.core_enterprise.tryton"),
        env={**inherited, "PYTHONPATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
