"""Claims: one winner everywhere, whatever breaks; pending while the chain is away; free again once released."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.ledger.claims.batches import RESERVATION
from hub.ledger.claims.rules import ClaimState
from hub.platform.database import Database
from hub.platform.transactions import TransactionMisuse
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from ledger.contract.calls import Lock, LockState
from ledger.embedded_chain.machine import Message
from ledger.registry.fingerprints import InvoiceIdentity, fingerprints
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.ledger.ledger_support import (
    CHAIN_ID,
    CONSORTIUM_KEY,
    HUB,
    OTHER_HUB,
    HubLedger,
    LiveChain,
    Outage,
    fail_at,
    hub_ledger,
)

pytestmark = ON_SQLITE

HUB_NUMBER, OTHER_NUMBER = 1, 2


def _invoice(number: int = 1, amount_fen: int = 1_130_000) -> InvoiceIdentity:
    digits = f"2631200000{number:010d}"
    return InvoiceIdentity("91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", digits, amount_fen, date(2026, 3, 2))


def _other_bank(chain: LiveChain, *deeds: bytes) -> None:
    """Another bank's hub sends these calls."""
    for data in deeds:
        nonce = chain.chain.machine.nonce(address_of(OTHER_HUB))
        to = bytes.fromhex(chain.contract[2:])
        chain.chain.submit(Transaction(CHAIN_ID, nonce, 10**9, 500_000, to, 0, data).sign(OTHER_HUB))
        assert chain.chain.head.outcome
        assert not chain.chain.head.outcome.failure


async def _request(hub: HubLedger, claim_id: str, invoice: InvoiceIdentity) -> None:
    async with hub.database.transaction():
        await hub.claims.request(claim_id, invoice)


async def _release(hub: HubLedger, claim_id: str) -> None:
    async with hub.database.transaction():
        await hub.claims.release(claim_id)


async def _settle(hub: HubLedger, clock: FixedClock) -> None:
    """Deliver everything, retries included, as the worker does over time."""
    for _ in range(4):
        await hub.outbox.drain()
        clock.advance(timedelta(seconds=5))


def _lock(chain: LiveChain, invoice: InvoiceIdentity, which: int = 0) -> Lock:
    data = calls.locks([fingerprints(invoice, CONSORTIUM_KEY)[which]])
    return calls.decode_locks(chain.chain.call(Message("0x" + "00" * 20, chain.contract, data)).output)[0]


async def test_a_free_receivable_is_financed_and_the_decision_told_once(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _request(hub, "claim-1", _invoice())
    assert hub.decisions == []
    await _settle(hub, clock)
    assert hub.decisions == [{"claim_id": "claim-1", "state": "FINANCED", "reason": ""}]
    assert await hub.claims.state("claim-1") is ClaimState.FINANCED
    for which in (0, 1):
        lock = _lock(chain, _invoice(), which)
        assert (lock.owner, lock.state) == (HUB_NUMBER, LockState.FINANCED)
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    assert len(hub.decisions) == 1


async def test_what_another_bank_financed_or_reserved_is_refused(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    expiry = int(clock.now().timestamp()) + 600
    for number, financed in ((1, True), (2, False)):
        # The other bank saw only the short number of a copy: one fingerprint in common is enough.
        shared = fingerprints(_invoice(number), CONSORTIUM_KEY)[1:]
        _other_bank(chain, calls.reserve(shared, bytes(22), expiry))
        if financed:
            _other_bank(chain, calls.finance(shared, bytes(22)))
        await _request(hub, f"claim-{number}", _invoice(number))
    await _settle(hub, clock)
    refused = {"state": "REFUSED", "reason": "CLAIM_ALREADY_FINANCED"}
    assert hub.decisions == [{"claim_id": f"claim-{number}", **refused} for number in (1, 2)]
    assert _lock(chain, _invoice(1)).state is LockState.FREE
    assert _lock(chain, _invoice(1), 1).owner == OTHER_NUMBER


@ON_BOTH
async def test_a_race_lost_between_look_and_reservation_is_a_refusal(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    expiry = int(clock.now().timestamp()) + 600
    prints = fingerprints(_invoice(), CONSORTIUM_KEY)
    requests = itertools.count()

    def hook(moment: str) -> None:
        # The first request reads the locks, free; then the other bank is faster.
        if moment == "after" and next(requests) == 0:
            _other_bank(chain, calls.reserve(prints, bytes(22), expiry), calls.finance(prints, bytes(22)))

    chain.hook = hook
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    assert [item["state"] for item in hub.decisions] == ["REFUSED"]
    assert _lock(chain, _invoice()).owner == OTHER_NUMBER


@ON_BOTH
async def test_claims_of_one_hub_on_one_invoice_share_its_lock(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _request(hub, "claim-1", _invoice())
    await _request(hub, "claim-2", _invoice())
    await _settle(hub, clock)
    assert {(item["claim_id"], item["state"]) for item in hub.decisions} == {
        ("claim-1", "FINANCED"),
        ("claim-2", "FINANCED"),
    }
    assert len(chain.chain.blocks[4:]) == 2
    await _release(hub, "claim-1")
    await _settle(hub, clock)
    assert _lock(chain, _invoice()).state is LockState.FINANCED
    await _release(hub, "claim-2")
    await _settle(hub, clock)
    assert _lock(chain, _invoice()).state is LockState.RELEASED


async def test_the_same_invoice_number_with_another_amount_is_refused_at_home_too(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _request(hub, "claim-1", _invoice())
    await _request(hub, "claim-2", _invoice(amount_fen=5))
    await _settle(hub, clock)
    states = {item["claim_id"]: item["state"] for item in hub.decisions}
    assert states == {"claim-1": "FINANCED", "claim-2": "REFUSED"}
    await _release(hub, "claim-1")
    await _settle(hub, clock)
    await _request(hub, "claim-3", _invoice(amount_fen=5))
    await _settle(hub, clock)
    assert await hub.claims.state("claim-3") is ClaimState.FINANCED
    assert _lock(chain, _invoice(amount_fen=5), 1).state is LockState.FINANCED


@ON_BOTH
async def test_a_claim_made_while_the_last_one_is_released_gets_a_fresh_lock(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    async with hub.database.transaction():
        await hub.claims.release("claim-1")
        await hub.claims.request("claim-2", _invoice())
    await _settle(hub, clock)
    assert await hub.claims.state("claim-2") is ClaimState.FINANCED
    assert _lock(chain, _invoice()).state is LockState.FINANCED
    assert len(chain.chain.blocks[4:]) == 5


async def _one_broken_claim(
    hub: HubLedger, clock: FixedClock, chain: LiveChain, number: int, arm: Callable[[], None]
) -> HubLedger:
    """Request a claim, run into the failure that `arm` sets, then restart and finish; the restarted hub."""
    await _request(hub, f"claim-{number}", _invoice(number))
    arm()
    with suppress(ConnectionError):
        await hub.outbox.drain()
    hub.database.on_statement = None
    chain.hook = lambda _moment: None
    await hub.rpc.close()
    restarted = hub_ledger(hub.database, clock, chain.url, chain.contract)
    # The lease of a message that died with its process runs out.
    clock.advance(timedelta(seconds=61))
    await _settle(restarted, clock)
    return restarted


@ON_BOTH
async def test_every_lost_request_or_answer_still_gives_one_final_lock(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    told: list[Any] = []
    for number in range(26):
        broken = hub
        hub = await _one_broken_claim(
            hub, clock, chain, number, lambda event=number: setattr(chain, "hook", fail_at(event))
        )
        # Also what it decided before the failure, or without one: the last events are beyond a claim's end.
        told += broken.decisions
        assert _lock(chain, _invoice(number)).state is LockState.FINANCED
    told += hub.decisions
    await hub.rpc.close()
    assert len({item["claim_id"] for item in told}) == 26
    assert {item["state"] for item in told} == {"FINANCED"}
    outcomes = [block.outcome for block in chain.chain.blocks[4:]]
    assert len(outcomes) == 2 * 26
    assert all(outcome and not outcome.failure for outcome in outcomes)


def _break_at(database: Database, statement: int) -> None:
    """Break every statement from this one on."""
    numbers = itertools.count()

    def gate(_sql: str) -> None:
        if next(numbers) >= statement:
            raise ConnectionError("injected")

    database.on_statement = gate


@ON_BOTH
async def test_a_broken_statement_anywhere_still_gives_one_final_lock(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    database = hub.database
    for number in range(40):
        hub = await _one_broken_claim(
            hub, clock, chain, number, lambda statement=number: _break_at(database, statement)
        )
        assert _lock(chain, _invoice(number)).state is LockState.FINANCED
        assert await hub.claims.state(f"claim-{number}") is ClaimState.FINANCED
    await hub.rpc.close()
    assert len(chain.chain.blocks[4:]) == 2 * 40


async def test_while_the_chain_is_away_a_claim_stays_pending(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    def away(_moment: str) -> None:
        raise Outage

    chain.hook = away
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.PENDING
    assert hub.decisions == []
    chain.hook = lambda _moment: None
    clock.advance(timedelta(minutes=2))
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.FINANCED


@ON_BOTH
async def test_a_reservation_that_ran_out_is_made_again(hub: HubLedger, clock: FixedClock, chain: LiveChain) -> None:
    await _request(hub, "claim-1", _invoice())

    def away_once_reserved(_moment: str) -> None:
        if _lock(chain, _invoice()).state is LockState.RESERVED:
            raise Outage

    chain.hook = away_once_reserved
    await hub.outbox.drain()
    chain.hook = lambda _moment: None
    assert _lock(chain, _invoice()).state is LockState.RESERVED
    clock.advance(RESERVATION + timedelta(seconds=1))
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.FINANCED


async def test_a_released_claim_can_be_financed_elsewhere(hub: HubLedger, clock: FixedClock, chain: LiveChain) -> None:
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    for _ in range(2):
        await _release(hub, "claim-1")
        await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.RELEASED
    prints, expiry = fingerprints(_invoice(), CONSORTIUM_KEY), int(clock.now().timestamp()) + 600
    _other_bank(chain, calls.reserve(prints, bytes(22), expiry), calls.finance(prints, bytes(22)))
    assert _lock(chain, _invoice()).owner == OTHER_NUMBER


@ON_BOTH
async def test_a_claim_given_up_while_pending_leaves_no_lock(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    await _request(hub, "claim-1", _invoice())
    await _release(hub, "claim-1")
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.RELEASED
    assert _lock(chain, _invoice()).state is LockState.FREE
    assert hub.decisions == []


async def test_while_the_hubs_pause_claims_a_claim_stays_pending(
    hub: HubLedger, clock: FixedClock, chain: LiveChain
) -> None:
    def _vote(motion: int) -> None:
        for key in (HUB, OTHER_HUB):
            nonce, to = chain.chain.machine.nonce(address_of(key)), bytes.fromhex(chain.contract[2:])
            chain.chain.submit(Transaction(CHAIN_ID, nonce, 10**9, 500_000, to, 0, calls.vote(motion)).sign(key))

    _vote(0)
    before = chain.chain.head.number
    await _request(hub, "claim-1", _invoice())
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.PENDING
    assert chain.chain.head.number == before
    _vote(1)
    clock.advance(timedelta(minutes=2))
    await _settle(hub, clock)
    assert await hub.claims.state("claim-1") is ClaimState.FINANCED


async def test_misuse_is_named(hub: HubLedger) -> None:
    with pytest.raises(TransactionMisuse):
        await hub.claims.request("claim-1", _invoice())
    await _request(hub, "claim-1", _invoice())
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await _request(hub, "claim-1", _invoice(2))
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await hub.claims.state("claim-2")
