"""Provenance as the hub collects it: the branch of a certificate, for its parties only."""

from __future__ import annotations

from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.provenance import check_chain, parse_provenance

from hub.receivables.provenance import ProvenanceDesk
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused


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
