"""Claims across a change of the claim key: nothing can be financed twice, whoever knows which epochs."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from huilian_protocol.clock import FixedClock

from hub.ledger.claims.desk import EpochDropped
from hub.ledger.claims.rules import ClaimState
from ledger.contract import calls
from ledger.contract.calls import Lock, LockState
from ledger.embedded_chain.machine import Message
from ledger.registry.fingerprints import fingerprints
from tests.unit.hub.ledger.banks import INVOICE, NEW, OLD, Bank
from tests.unit.hub.ledger.ledger_support import LiveChain, fail_at


def _locks(chain: LiveChain, key: bytes) -> list[Lock]:
    data = calls.locks(fingerprints(INVOICE, key))
    return calls.decode_locks(chain.chain.call(Message("0x" + "00" * 20, chain.contract, data)).output)


def _states(chain: LiveChain, key: bytes) -> set[LockState]:
    return {lock.state for lock in _locks(chain, key)}


async def test_in_the_overlap_both_epochs_are_locked(banks: list[Bank], chain: LiveChain) -> None:
    first, second = banks
    first.keys.change({1: OLD, 2: NEW})
    assert await first.claim("claim-1") is ClaimState.FINANCED
    assert _states(chain, OLD) == _states(chain, NEW) == {LockState.FINANCED}
    assert await second.claim("claim-2") is ClaimState.REFUSED
    second.keys.change({2: NEW})
    assert await second.claim("claim-3") is ClaimState.REFUSED
    await first.release("claim-1")
    assert _states(chain, OLD) == _states(chain, NEW) == {LockState.RELEASED}
    assert await second.claim("claim-4") is ClaimState.FINANCED


async def test_what_was_financed_before_is_locked_under_the_new_epoch_too(banks: list[Bank], chain: LiveChain) -> None:
    first, second = banks
    assert await first.claim("claim-1") is ClaimState.FINANCED
    assert await first.extend() == 0
    first.keys.change({1: OLD, 2: NEW})
    assert await first.extend() == 1
    assert await first.extend() == 0
    assert _states(chain, NEW) == {LockState.FINANCED}
    assert len({lock.owner_commitment for lock in _locks(chain, OLD) + _locks(chain, NEW)}) == 1
    first.keys.change({2: NEW})
    await first.start()
    second.keys.change({2: NEW})
    assert await second.claim("claim-2") is ClaimState.REFUSED
    await first.release("claim-1")
    assert _states(chain, OLD) == _states(chain, NEW) == {LockState.RELEASED}


async def test_an_extension_broken_anywhere_is_finished_later(
    banks: list[Bank], chain: LiveChain, clock: FixedClock
) -> None:
    first, _ = banks
    assert await first.claim("claim-1") is ClaimState.FINANCED
    first.keys.change({1: OLD, 2: NEW})
    for event in range(30):
        chain.hook = fail_at(event)
        with suppress(Exception):
            await first.extend()
        assert _states(chain, OLD) == {LockState.FINANCED}
    chain.hook = lambda _moment: None
    await first.extend()
    assert _states(chain, NEW) == {LockState.FINANCED}


async def test_a_hub_does_not_start_without_the_epoch_of_its_locks(banks: list[Bank]) -> None:
    first, _ = banks
    await first.start()
    assert await first.claim("claim-1") is ClaimState.FINANCED
    first.keys.change({2: NEW})
    with pytest.raises(EpochDropped, match=r"\[1\]"):
        await first.start()
    await first.release("claim-1")
    await first.start()


async def test_without_a_quorum_a_claim_waits_and_nothing_is_locked(
    banks: list[Bank], chain: LiveChain, clock: FixedClock
) -> None:
    first, _ = banks
    first.keys.away = True
    assert await first.claim("claim-1") is ClaimState.PENDING
    assert _states(chain, OLD) == {LockState.FREE} and first.hub.decisions == []
    first.keys.away = False
    clock.advance(timedelta(minutes=1))
    await first.settle()
    assert await first.state("claim-1") is ClaimState.FINANCED


async def test_a_hub_that_skipped_the_overlap_is_reported_and_loses_nothing(
    banks: list[Bank], chain: LiveChain, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = banks
    assert await first.claim("claim-1") is ClaimState.FINANCED
    second.keys.change({2: NEW})
    assert await second.claim("claim-2") is ClaimState.FINANCED
    first.keys.change({1: OLD, 2: NEW})
    assert await first.extend() == 0
    assert "claims.extension_refused" in caplog.text
    assert await first.state("claim-1") is ClaimState.FINANCED
    assert _states(chain, OLD) == {LockState.FINANCED}
    await first.release("claim-1")
    assert _states(chain, OLD) == {LockState.RELEASED} and _states(chain, NEW) == {LockState.FINANCED}


async def test_a_claim_on_the_chain_has_always_the_same_size(banks: list[Bank], chain: LiveChain) -> None:
    first, _ = banks
    sizes: list[list[int]] = []
    for number, keys in enumerate(({1: OLD}, {1: OLD, 2: NEW})):
        first.keys.change(keys)
        before = len(chain.chain.blocks)
        assert await first.claim(f"claim-{number}") is ClaimState.FINANCED
        sizes.append([len(block.signed.raw) for block in chain.chain.blocks[before:] if block.signed])
        await first.release(f"claim-{number}")
    assert len(sizes[0]) == 2 and sizes[0] == sizes[1]
