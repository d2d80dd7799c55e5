"""Exports from a real log with a real chain: what the hub hands out is what the verifier takes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.access_export import parse_export
from huilian_protocol.clock import FixedClock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.trust import TrustAnchors

from hub.ledger.subjects.desk import ChainExports, export_file
from ledger.anchor.transaction import address_of
from ledger.verify import Verdict, verify_bytes
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.ledger.ledger_support import CHAIN_ID, HUB, HubLedger, LiveChain
from tests.unit.protocol import world

ALICE, BOB = "subject-alice", "subject-bob"


@pytest.fixture
def exports(hub: HubLedger, clock: FixedClock) -> ChainExports:
    return ChainExports(hub.database, clock, lambda size: b"\x07" * size, hub.cipher, hub.ledger)


def trust_in(hub: HubLedger, chain: LiveChain) -> TrustAnchors:
    """Anchors that pin this very hub."""
    value = world.trust_dict()
    key = ec.derive_private_key(7, ec.SECP256R1())
    value["hubs"][0] |= {
        "signing_keys": keys_to_jwks([key.public_key()]),
        "log_vkey": hub.sequencer._keyring.signer(0).verifier.vkey(),
        "chain_address": address_of(HUB),
    }
    value["chain"] |= {"chain_id": CHAIN_ID, "contract": chain.contract}
    return TrustAnchors.from_dict(value)


async def write(hub: HubLedger, number: int, subject: str = ALICE) -> None:
    content = {"n": number, "outcome": "REFUSED:CONSENT_REVOKED"}
    async with hub.database.transaction():
        name = f"access:{subject}-{number:04d}"
        await hub.ledger.append_chained("access", name, content, subject=subject, evidence={})


async def anchored(hub: HubLedger) -> None:
    await hub.sequencer.integrate()
    await hub.anchoring.anchor()


async def state(hub: HubLedger, exports: ChainExports, clock: FixedClock, **changes: object) -> str:
    start, end = clock.now() - timedelta(hours=1), None
    parts: dict[str, object] = {"period_from": start, "period_to": end, **changes}
    async with hub.database.transaction():
        await exports.state(ALICE, "access-statement:one", **parts)  # type: ignore[arg-type]
    return "access-statement:one"


async def checked(hub: HubLedger, chain: LiveChain, exports: ChainExports, statement: str) -> tuple[bytes, Verdict]:
    receipt, records = await exports.records(ALICE, statement)
    file = export_file(ALICE, receipt, records, [])
    return file, verify_bytes(file, trust_in(hub, chain), hub_time())


def hub_time() -> datetime:
    return world.NOW


async def test_a_period_is_proven_from_the_log_alone(
    hub: HubLedger, chain: LiveChain, exports: ChainExports, clock: FixedClock
) -> None:
    for number in range(1, 8):
        await write(hub, number)
        await write(hub, number, BOB)
        clock.advance(timedelta(minutes=10))
    period = {"period_from": clock.now() - timedelta(minutes=50), "period_to": clock.now() - timedelta(minutes=20)}
    statement = await state(hub, exports, clock, **period)
    with pytest.raises(HuilianError) as pending:
        await exports.records(ALICE, statement)
    assert pending.value.code == "RECEIPT_PENDING"
    await anchored(hub)
    file, verdict = await checked(hub, chain, exports, statement)
    assert verdict.ok, [check for check in verdict.checks if not check.ok]
    export = parse_export(file)
    assert [record.record["content"]["n"] for record in export.records] == [3, 4, 5]
    assert [record.record["content"]["n"] for record in export.neighbours] == [2, 6]


async def test_what_was_read_in_this_very_second_is_in_a_statement_up_to_now(
    hub: HubLedger, chain: LiveChain, exports: ChainExports, clock: FixedClock
) -> None:
    await write(hub, 1)
    statement = await state(hub, exports, clock)
    await write(hub, 2)
    await anchored(hub)
    file, verdict = await checked(hub, chain, exports, statement)
    assert verdict.ok, [check for check in verdict.checks if not check.ok]
    assert [record.record["content"]["n"] for record in parse_export(file).records] == [1]
    second = (await hub.ledger.records_about(ALICE, "", 1)).records[0]
    assert second.record["recorded_at"] == format_time(clock.now() + timedelta(seconds=1))


async def test_a_person_without_any_record_can_prove_that(
    hub: HubLedger, chain: LiveChain, exports: ChainExports, clock: FixedClock
) -> None:
    statement = await state(hub, exports, clock)
    await anchored(hub)
    _, verdict = await checked(hub, chain, exports, statement)
    assert verdict.ok, [check for check in verdict.checks if not check.ok]


async def test_nobody_gets_the_export_of_somebody_else(
    hub: HubLedger, exports: ChainExports, clock: FixedClock
) -> None:
    statement = await state(hub, exports, clock)
    await anchored(hub)
    with pytest.raises(HuilianError) as refusal:
        await exports.records(BOB, statement)
    assert refusal.value.code == "NOT_FOUND"


@pytest.mark.parametrize("minutes", [0, 5])
async def test_a_period_ends_after_it_begins(
    hub: HubLedger, exports: ChainExports, clock: FixedClock, minutes: int
) -> None:
    end = clock.now() - timedelta(minutes=5 + minutes)
    with pytest.raises(HuilianError) as refusal:
        await state(hub, exports, clock, period_from=clock.now() - timedelta(minutes=5), period_to=end)
    assert refusal.value.params["field"] == "from_time"


async def test_a_statement_broken_anywhere_leaves_nothing(
    hub: HubLedger, exports: ChainExports, clock: FixedClock
) -> None:
    await write(hub, 1)
    async for _ in break_at_each_statement(hub.database, lambda: state(hub, exports, clock)):
        assert await hub.ledger._log.leaf("access-statement:one") is None
    assert await hub.ledger._log.leaf("access-statement:one") is not None
