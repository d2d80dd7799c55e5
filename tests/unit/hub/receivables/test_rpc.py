"""The services on the wire: the supplier's journey over gRPC, repeated requests, refusals under their own codes."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest_asyncio
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import certificate_service_pb2_grpc as certificate_grpc
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian.receivables.v1 import receivable_service_pb2_grpc as receivable_grpc

from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.certificates.rpc import CertificateServicer
from hub.receivables.messages import confirmation_of
from hub.receivables.rpc import ReceivableServicer
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused, sign

BUYER, SUPPLIER, SECOND_TIER = trade.BUYER, trade.SUPPLIER, trade.SECOND_TIER


@dataclass
class Wire:
    """The servicers, called as somebody with a fresh request id; messages pass through their wire form both ways."""

    world: World

    def __post_init__(self) -> None:
        idempotency = Idempotency(self.world.database, self.world.clock)
        self._servicers = (
            ReceivableServicer(self.world.service, idempotency),
            CertificateServicer(self.world.service, idempotency),
        )
        self._numbers = itertools.count(1)

    async def call(self, caller: str, request: Any) -> Any:
        """The answer to a request; its type names the method."""
        if hasattr(request, "request_id") and not request.request_id:
            request.request_id = f"request-{next(self._numbers)}"
        set_current_caller(Caller(caller, Role.ENTERPRISE))
        name = type(request).__name__.removesuffix("Request")
        servicer = next(item for item in self._servicers if name in type(item).__dict__)
        answer = await getattr(servicer, name)(type(request).FromString(request.SerializeToString()), None)
        return type(answer).FromString(answer.SerializeToString())


@pytest_asyncio.fixture
async def wire(world: World) -> AsyncIterator[Wire]:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    yield Wire(world)


async def confirmed(wire: Wire) -> receivable_pb.Receivable:
    """Synced, prepared, signed and confirmed over the wire."""
    synced = await wire.call(BUYER, receivable_pb.SyncTradeDocumentsRequest())
    receivable_id = synced.receivables[0].receivable_id
    prepared = await wire.call(BUYER, receivable_pb.PrepareConfirmationRequest(receivable_id=receivable_id))
    signature = sign(confirmation_of(prepared.confirmation))
    request = receivable_pb.ConfirmReceivableRequest(confirmation=prepared.confirmation, signature=signature)
    answer: receivable_pb.ConfirmReceivableResponse = await wire.call(BUYER, request)
    return answer.receivable


async def held(wire: Wire, amount_fen: int = 50_000) -> None:
    receivable = await confirmed(wire)
    await wire.call(
        BUYER,
        certificate_pb.IssueCertificateRequest(
            certificate_id="certificate-1", receivable_id=receivable.receivable_id, amount_fen=amount_fen
        ),
    )
    await wire.call(SUPPLIER, certificate_pb.AcceptCertificateRequest(certificate_id="certificate-1"))


async def test_the_suppliers_journey(wire: Wire) -> None:
    await held(wire)
    parts = [
        certificate_pb.SplitPart(certificate_id="certificate-a", amount_fen=20_000),
        certificate_pb.SplitPart(certificate_id="certificate-b", amount_fen=30_000),
    ]
    split = await wire.call(
        SUPPLIER, certificate_pb.SplitCertificateRequest(certificate_id="certificate-1", parts=parts)
    )
    assert [(item.amount.amount_fen, item.due_date) for item in split.certificates] == [
        (20_000, "2026-04-05"),
        (30_000, "2026-04-05"),
    ]
    transferred = await wire.call(SUPPLIER, transfer_request("certificate-a", "certificate-c"))
    assert transferred.certificate.state == certificate_pb.CERTIFICATE_STATE_ISSUED
    accepted = await wire.call(SECOND_TIER, certificate_pb.AcceptCertificateRequest(certificate_id="certificate-c"))
    assert accepted.certificate.holder_uscc == SECOND_TIER
    mine = await wire.call(SECOND_TIER, certificate_pb.ListCertificatesRequest())
    assert [item.certificate_id for item in mine.certificates] == ["certificate-c"]
    owed = await wire.call(SUPPLIER, receivable_pb.ListReceivablesRequest())
    assert [item.certificated_amount.amount_fen for item in owed.receivables] == [50_000]


async def test_a_draft_says_why(wire: Wire) -> None:
    wire.world.erps.put(trade.invoice("invoice-2", steel="1"))
    synced = await wire.call(BUYER, receivable_pb.SyncTradeDocumentsRequest())
    states = [(item.state, [reason.code for reason in item.reasons]) for item in synced.receivables]
    assert states == [
        (receivable_pb.RECEIVABLE_STATE_MATCHED, []),
        (receivable_pb.RECEIVABLE_STATE_DRAFT, ["ABOVE_RECEIVED"]),
    ]


async def test_a_confirmed_receivable_shows_its_evidence(wire: Wire) -> None:
    receivable = await confirmed(wire)
    assert receivable.state == receivable_pb.RECEIVABLE_STATE_CONFIRMED
    assert len(receivable.evidence_hash) == 32
    assert receivable.confirmed_time.ToSeconds() == int(wire.world.clock.now().timestamp())
    again = await wire.call(SUPPLIER, receivable_pb.GetReceivableRequest(receivable_id=receivable.receivable_id))
    assert again.receivable == receivable


async def test_a_repeated_request_gives_the_first_answer(wire: Wire) -> None:
    await held(wire)
    request = transfer_request("certificate-1", "certificate-2")
    request.request_id = "request-again"
    first = await wire.call(SUPPLIER, request)
    before = await wire.world.snapshot()
    assert await wire.call(SUPPLIER, request) == first
    assert await wire.world.snapshot() == before


async def test_a_repeated_pull_does_not_ask_the_erp_again(wire: Wire) -> None:
    request = receivable_pb.SyncTradeDocumentsRequest(request_id="request-pull")
    first = await wire.call(BUYER, request)
    wire.world.erps.put(trade.invoice("invoice-2", steel="1"))
    calls = wire.world.erps.calls
    assert await wire.call(BUYER, request) == first
    assert wire.world.erps.calls == calls
    later = await wire.call(BUYER, receivable_pb.SyncTradeDocumentsRequest())
    assert later.imported_documents == 1


async def test_a_request_id_with_other_input_is_refused(wire: Wire) -> None:
    await held(wire)
    request = transfer_request("certificate-1", "certificate-2")
    request.request_id = "request-again"
    await wire.call(SUPPLIER, request)
    before = await wire.world.snapshot()
    request.new_certificate_id = "certificate-3"
    await refused("REQUEST_ID_REUSED", wire.call(SUPPLIER, request))
    assert await wire.world.snapshot() == before


async def test_refusals_keep_their_codes_and_change_nothing(wire: Wire) -> None:
    receivable = await confirmed(wire)
    before = await wire.world.snapshot()
    too_much = certificate_pb.IssueCertificateRequest(
        certificate_id="certificate-1", receivable_id=receivable.receivable_id, amount_fen=50_021
    )
    await refused("AMOUNT_EXCEEDS_RECEIVABLE", wire.call(BUYER, too_much))
    await refused("NOT_FOUND", wire.call(BUYER, certificate_pb.GetCertificateRequest(certificate_id="certificate-1")))
    await refused("NOT_FOUND", wire.call(SUPPLIER, receivable_pb.SyncTradeDocumentsRequest()))
    assert await wire.world.snapshot() == before


async def test_a_malformed_confirmation_is_a_mismatch(wire: Wire) -> None:
    synced = await wire.call(BUYER, receivable_pb.SyncTradeDocumentsRequest())
    receivable_id = synced.receivables[0].receivable_id
    prepared = await wire.call(BUYER, receivable_pb.PrepareConfirmationRequest(receivable_id=receivable_id))
    before = await wire.world.snapshot()
    for name, value in (("evidence_hash", b"short"), ("due_date", "soon"), ("amount_fen", -1), ("chain_id", -1)):
        confirmation = receivable_pb.ReceivableConfirmation()
        confirmation.CopyFrom(prepared.confirmation)
        setattr(confirmation, name, value)
        request = receivable_pb.ConfirmReceivableRequest(confirmation=confirmation, signature=bytes(65))
        await refused("CONFIRMATION_MISMATCH", wire.call(BUYER, request))
    request = receivable_pb.ConfirmReceivableRequest(confirmation=prepared.confirmation, signature=bytes(65))
    await refused("CONFIRMATION_MISMATCH", wire.call(BUYER, request))
    assert await wire.world.snapshot() == before


async def test_what_comes_back_after_a_refusal_is_told(wire: Wire) -> None:
    await held(wire)
    await wire.call(SUPPLIER, transfer_request("certificate-1", "certificate-2"))
    refusal = await wire.call(SECOND_TIER, certificate_pb.RefuseCertificateRequest(certificate_id="certificate-2"))
    assert refusal.certificate.state == certificate_pb.CERTIFICATE_STATE_REFUSED
    assert refusal.returned_certificate.holder_uscc == SUPPLIER


async def test_the_servicers_serve_every_method(world: World) -> None:
    """A method that the proto has and the servicer lacks would answer UNIMPLEMENTED."""
    pairs = (
        (ReceivableServicer, receivable_grpc.ReceivableServiceServicer),
        (CertificateServicer, certificate_grpc.CertificateServiceServicer),
    )
    for servicer, base in pairs:
        wanted = {name for name in vars(base) if not name.startswith("_")}
        assert wanted == {name for name in vars(servicer) if not name.startswith("_")}


async def test_over_a_real_server_the_servicers_answer(world: World) -> None:
    world.erps.put(trade.order())
    server = grpc.aio.server()
    idempotency = Idempotency(world.database, world.clock)
    receivable_grpc.add_ReceivableServiceServicer_to_server(ReceivableServicer(world.service, idempotency), server)
    certificate_grpc.add_CertificateServiceServicer_to_server(CertificateServicer(world.service, idempotency), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = certificate_grpc.CertificateServiceStub(channel)
        assert not (await stub.ListCertificates(certificate_pb.ListCertificatesRequest())).certificates
    await server.stop(None)


def transfer_request(certificate_id: str, new_id: str) -> certificate_pb.TransferCertificateRequest:
    return certificate_pb.TransferCertificateRequest(
        certificate_id=certificate_id, new_certificate_id=new_id, receiver_uscc=SECOND_TIER
    )
