"""Provenance as the hub collects it: the branch of a certificate, for its parties only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.receivables.v1 import certificate_service_pb2 as pb
from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.certificate import create_enterprise_ca
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.provenance import check_chain, parse_provenance
from huilian_protocol.trust import ChainAnchor, TrustAnchors, TrustedHub

from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.certificates.provenance import ProvenanceDesk
from hub.receivables.certificates.rpc import CertificateServicer
from hub.receivables.confirmations.desk import ConfirmationDomain
from hub.receivables.service import ReceivablesService
from ledger.anchor.transaction import address_of
from ledger.verify.provenance import check_provenance
from tests.unit.hub.ledger import ledger_support as real
from tests.unit.hub.ledger.test_log import VERIFIER
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import CA_KEY, CA_PEM, NOT_AFTER, NOT_BEFORE, World, refused


class Receipts:
    """The log's receipts, as bare records: whether a receipt stands is the verifier's work."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def append(self, *_: Any, **__: Any) -> None:
        raise AssertionError("a proof writes nothing")

    async def receipt(self, record_id: str, reader: str | None = None) -> bytes:
        records = await self._world.records()
        if record_id not in records:
            raise HuilianError("NOT_FOUND", resource="record")
        kind, content, _ = records[record_id]
        return canonicalise({"type": kind, "content": content})


@pytest.fixture
def desk(world: World) -> ProvenanceDesk:
    """The desk over the world's log."""
    return ProvenanceDesk(Receipts(world))


async def test_the_branch_of_a_certificate_that_was_split_and_passed_on(world: World, desk: ProvenanceDesk) -> None:
    await world.held()
    certificates = world.service.certificates
    parts = [("certificate-a", 20_000), ("certificate-b", 30_000)]
    await world.run(lambda: certificates.split(trade.SUPPLIER, "certificate-1", parts))
    transfer = certificates.transfer
    await world.run(lambda: transfer(trade.SUPPLIER, "certificate-b", "certificate-c", trade.SECOND_TIER))
    await world.run(lambda: certificates.refuse(trade.SECOND_TIER, "certificate-c"))
    mine = await certificates.list_own(trade.SUPPLIER, 50, "")
    returned = next(item for item in mine.items if item.parent_id == "certificate-c")
    for asked, caller, amount in (
        ("certificate-a", trade.SUPPLIER, 20_000),
        ("certificate-c", trade.SECOND_TIER, 30_000),
        (returned.certificate_id, trade.SUPPLIER, 30_000),
    ):
        proof = parse_provenance(await desk.prove(caller, asked))
        chain = [parse_json(step) for step in proof.steps]
        assert check_chain(asked, chain) == (caller, amount)
    await refused("NOT_FOUND", desk.prove(trade.SECOND_TIER, "certificate-a"))


async def test_the_proof_of_real_receipts_travels_and_stands_offline(world: World, tmp_path: Path) -> None:
    """Asked by RPC, made of receipts that are in a signed log and on a chain, checked with pinned keys only."""
    async with real.live_chain(tmp_path, world.clock) as chain:
        hub = real.hub_ledger(world.database, world.clock, chain.url, chain.contract)
        _put_on(world, hub, chain)
        certificate = await world.held()
        transfer = world.service.certificates.transfer
        await world.run(lambda: transfer(trade.SUPPLIER, certificate.certificate_id, "passed-01", trade.SECOND_TIER))
        servicer = CertificateServicer(world.service, Idempotency(world.database, world.clock))
        set_current_caller(Caller(trade.SECOND_TIER, Role.ENTERPRISE))
        request = pb.GetProvenanceRequest(certificate_id="passed-01")
        await refused("RECEIPT_PENDING", servicer.GetProvenance(request, None))
        await hub.sequencer.integrate()
        await hub.anchoring.anchor()
        proof = (await servicer.GetProvenance(request, None)).provenance
        set_current_caller(Caller(trade.DEALER, Role.ENTERPRISE))
        await refused("NOT_FOUND", servicer.GetProvenance(request, None))
        await hub.rpc.close()
    checks = check_provenance(proof, _trust(chain))
    assert [(check.name, check.reason) for check in checks if not check.ok] == []
    assert checks[-1].reason.startswith(f"passed-01: 50000 fen, made for {trade.SECOND_TIER}")
    stranger = create_enterprise_ca(ec.derive_private_key(8, ec.SECP256R1()), "Other CA", NOT_BEFORE, NOT_AFTER, 1)
    assert not all(check.ok for check in check_provenance(proof, _trust(chain, stranger)))


def _put_on(world: World, hub: real.HubLedger, chain: real.LiveChain) -> None:
    """The world's receivables write to a log that is sequenced and anchored."""
    world.service = ReceivablesService(
        database=world.database,
        clock=world.clock,
        ids=world.ids,
        ledger=hub.ledger,
        enterprises=world.directory,
        erps=world.erps,
        tax=world.erps.tax,
        mandates=world.mandates,
        domain=ConfirmationDomain(real.CHAIN_ID, chain.contract, CA_PEM),
    )


def _trust(chain: real.LiveChain, ca_pem: str = CA_PEM) -> TrustAnchors:
    key = CA_KEY.public_key()
    hub = TrustedHub("hub.example", {thumbprint(key): key}, VERIFIER.vkey(), address_of(real.HUB))
    return TrustAnchors(
        {}, ca_pem, (hub,), ChainAnchor(real.CHAIN_ID, chain.contract), "localhost", "https://localhost"
    )
