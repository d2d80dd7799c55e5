"""Two banks in a conflict learn of each other, both logs say so, and a third bank learns nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.sealing import Suite, generate_keypair
from huilian_protocol.trust import ChainAnchor, TrustAnchors, TrustedHub

from hub.ledger.claims.rules import ClaimState
from hub.ledger.claims.store import ClaimRow, HoldRow
from hub.ledger.conflicts import rules
from hub.ledger.conflicts.desk import DisclosureService
from hub.ledger.conflicts.rules import Notice, Party
from hub.ledger.log.store import LeafRow
from hub.platform.store import OutboxMessage
from ledger.anchor.transaction import address_of
from ledger.registry.invoices import identifiers
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.ledger.banks import INVOICE, Bank
from tests.unit.hub.ledger.ledger_support import HUB, OTHER_HUB, LiveChain

pytestmark = ON_SQLITE

FIRST, SECOND, THIRD = "hub-a.example", "hub-b.example", "hub-c.example"
KEYS = {
    origin: ec.derive_private_key(number, ec.SECP256R1()) for number, origin in enumerate((FIRST, SECOND, THIRD), 5)
}
ADDRESSES = {FIRST: address_of(HUB), SECOND: address_of(OTHER_HUB), THIRD: "0x" + "11" * 20}


def _trust() -> TrustAnchors:
    hubs = tuple(
        TrustedHub(origin, {thumbprint(key.public_key()): key.public_key()}, "unused", ADDRESSES[origin])
        for origin, key in KEYS.items()
    )
    return TrustAnchors({}, "unused", hubs, ChainAnchor(1, "0x" + "0" * 40), "localhost", "https://localhost")


@dataclass
class Wire:
    """The mTLS connection to one bank: it says who calls, and a test may read or change what passes."""

    caller: str
    bank: Bank
    service: DisclosureService
    passed: list[bytes]
    spoil: bytes = b""
    is_away: bool = False

    async def disclosure_key(self, commitment: bytes) -> bytes:
        if self.is_away:
            raise HuilianError("UNAVAILABLE")
        return await self.bank.here(self.service.key(commitment))

    async def disclose(self, commitment: bytes, notice: bytes) -> bytes:
        reply = await self.bank.here(self.service.answer(self.caller, commitment, notice))
        self.passed += [notice, reply]
        return self.spoil or reply


@dataclass
class Two:
    """The two banks with their disclosure services; the second one's wire to the first."""

    first: Bank
    second: Bank
    holder: DisclosureService
    refused: DisclosureService
    wire: Wire


@pytest.fixture
def two(banks: list[Bank]) -> Two:
    first, second = banks
    holder = _service(first, FIRST, {})
    wire = Wire(SECOND, first, holder, [])
    return Two(first, second, holder, _service(second, SECOND, {FIRST: wire}), wire)


def _service(bank: Bank, origin: str, peers: Mapping[str, Wire]) -> DisclosureService:
    hub = bank.hub
    contract = hub.claims._locker._contract
    return DisclosureService(
        hub.database, hub.outbox, hub.ledger, contract, origin, lambda: KEYS[origin], _trust, peers
    )


async def _conflict(two: Two) -> None:
    assert await two.first.claim("claim-first") is ClaimState.FINANCED
    assert await two.second.claim("claim-second") is ClaimState.REFUSED


async def _leaves(bank: Bank) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        leaves = await LeafRow.filter(record_id__startswith="claim-conflict:")
        return [(await bank.hub.ledger._read(leaf.record_id, None))[1][0] for leaf in leaves]

    return await bank.here(read())


async def _parked(bank: Bank) -> int:
    return await bank.here(_count_parked())


async def _count_parked() -> int:
    return await OutboxMessage.filter(state="parked").count()


@ON_BOTH
async def test_both_learn_who_which_claim_and_when_and_both_logs_say_so(two: Two) -> None:
    await _conflict(two)
    for bank, service, other, claim, theirs, refused in (
        (two.first, two.holder, SECOND, "claim-first", "claim-second", False),
        (two.second, two.refused, FIRST, "claim-second", "claim-first", True),
    ):
        rows = await bank.here(service.list(10))
        found = [(row.claim_id, row.refused, row.counterpart_hub, row.counterpart_claim_id) for row in rows]
        assert found == [(claim, refused, other, theirs)]
        (record,) = await _leaves(bank)
        assert set(record["content"]) == {
            "claim_id",
            "counterpart_claim_id",
            "counterpart_claimed_at",
            "counterpart_hub",
            "owner_commitment",
            "refused",
        }


async def test_what_passes_is_sealed_and_says_nothing_of_the_invoice(two: Two) -> None:
    await _conflict(two)
    notice, reply = two.wire.passed
    for told in (FIRST, SECOND, "claim-first", "claim-second", INVOICE.invoice_number, INVOICE.seller_uscc):
        assert told.encode() not in notice + reply
    for bank in (two.first, two.second):
        for record in await _leaves(bank):
            assert INVOICE.invoice_number not in str(record) and INVOICE.seller_uscc not in str(record)


@ON_BOTH
async def test_it_is_said_once_and_survives_repetition(two: Two, clock: FixedClock) -> None:
    await _conflict(two)
    for _ in range(2):
        await two.first.settle()
        await two.second.settle()
    assert len(await _leaves(two.first)) == len(await _leaves(two.second)) == 1


async def test_a_holder_that_is_away_is_told_later(two: Two, clock: FixedClock) -> None:
    two.wire.is_away = True
    await _conflict(two)
    assert await _leaves(two.second) == []
    two.wire.is_away = False
    clock.advance(timedelta(minutes=2))
    await two.second.settle()
    assert len(await _leaves(two.second)) == 1


async def _lock_of(bank: Bank) -> HoldRow:
    async def read() -> HoldRow:
        return await HoldRow.get(id=(await ClaimRow.get(claim_id="claim-first")).hold_id)

    return await bank.here(read())


def _notice(commitment: bytes, public: bytes, origin: str, identifier: bytes, signer: str | None = None) -> bytes:
    party = Party(origin, "claim-third", datetime(2026, 3, 2, tzinfo=UTC))
    reply_to = generate_keypair(Suite.X25519).public
    notice = Notice(party, rules.proof_of(identifier, commitment, party), reply_to)
    token = rules.sign_notice(KEYS[signer or origin], commitment, notice)
    return rules.seal_to(public, "conflict-notice", commitment, token)


async def test_a_third_bank_learns_nothing(two: Two) -> None:
    """It sees the lock on the chain, gets the key, even has what passed; it does not know the invoice."""
    await _conflict(two)
    hold = await _lock_of(two.first)
    commitment = bytes.fromhex(hold.owner_commitment)
    public = await two.first.here(two.holder.key(commitment))
    identifier = identifiers(INVOICE)[0]
    for caller, envelope in (
        (THIRD, _notice(commitment, public, THIRD, b"a guess")),
        (THIRD, _notice(commitment, public, SECOND, identifier)),
        (THIRD, _notice(commitment, public, THIRD, identifier, signer=SECOND)),
        (THIRD, _notice(bytes(22), public, THIRD, identifier)),
        (THIRD, two.wire.passed[0]),
        (THIRD, b"{}"),
        ("", _notice(commitment, public, THIRD, identifier)),
    ):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await two.first.here(two.holder.answer(caller, commitment, envelope))
    for envelope in two.wire.passed:
        with pytest.raises(HuilianError):
            rules.open_from(envelope, generate_keypair(Suite.X25519).private, "conflict-reply", commitment)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await two.first.here(two.holder.key(os.urandom(22)))
    assert len(await _leaves(two.first)) == 1


@ON_BOTH
async def test_an_answer_by_somebody_else_is_not_believed(two: Two) -> None:
    two.wire.spoil = b"{}"
    await _conflict(two)
    assert await _leaves(two.second) == []
    assert await _parked(two.second) == 1


@ON_BOTH
async def test_a_lock_of_a_hub_that_nobody_reaches_is_parked(two: Two) -> None:
    two.refused._peers = {}
    await _conflict(two)
    assert await _leaves(two.second) == []
    assert await _parked(two.second) == 1


async def test_a_conflict_at_home_is_disclosed_to_nobody(two: Two) -> None:
    assert await two.first.claim("claim-first") is ClaimState.FINANCED
    assert await two.first.claim("claim-again") is ClaimState.FINANCED
    assert two.wire.passed == [] and await _leaves(two.first) == []


async def test_the_key_on_the_chain_is_the_hash_of_the_disclosure_key(two: Two, chain: LiveChain) -> None:
    await _conflict(two)
    hold = await _lock_of(two.first)
    public = await two.first.here(two.holder.key(bytes.fromhex(hold.owner_commitment)))
    assert rules.commitment_of(public).hex() == hold.owner_commitment
    assert len(bytes.fromhex(hold.owner_commitment)) == 22
