"""Claims across a change of the claim key: nothing can be financed twice, whoever knows which epochs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context, copy_context
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.ledger.claims import EpochDropped
from hub.ledger.rules import ClaimState
from hub.platform.database import Database
from ledger.contract import calls
from ledger.contract.calls import Lock, LockState
from ledger.embedded_chain.machine import Message
from ledger.registry.fingerprints import HmacClaimKeys, InvoiceIdentity, QuorumMissing, fingerprints
from tests.support.databases import DatabaseMaker
from tests.unit.hub.ledger.ledger_support import HUB, OTHER_HUB, HubLedger, LiveChain, fail_at, hub_ledger

Answer = TypeVar("Answer")
OLD, NEW = bytes(range(32)), bytes(range(1, 33))
INVOICE = InvoiceIdentity(
    "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", "26312000000012345678", 1_130_000, date(2026, 3, 2), "", "5" * 20
)


class Keys(HmacClaimKeys):
    """HMAC keys whose active epochs a test changes."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self.change(keys)
        self.away = False

    def change(self, keys: Mapping[int, bytes]) -> None:
        super().__init__(keys)

    async def evaluate(self, epoch: int, identifiers: object) -> list[bytes]:
        if self.away:
            raise QuorumMissing(epoch, 2, 1)
        return await super().evaluate(epoch, identifiers)  # type: ignore[arg-type]


class Bank:
    """One hub with keys of its own. Its database belongs to a context of its own, as it would to its own process."""

    def __init__(self, hub: HubLedger, keys: Keys, clock: FixedClock, context: Context) -> None:
        self.hub, self.keys, self._clock, self._context = hub, keys, clock, context

    async def claim(self, claim_id: str) -> ClaimState:
        async def ask() -> None:
            async with self.hub.database.transaction():
                await self.hub.claims.request(claim_id, INVOICE)

        await self.here(ask())
        await self.settle()
        return await self.state(claim_id)

    async def state(self, claim_id: str) -> ClaimState:
        return await self.here(self.hub.claims.state(claim_id))

    async def extend(self) -> int:
        return await self.here(self.hub.claims.extend_holds())

    async def start(self) -> None:
        await self.here(self.hub.claims.check_at_start())

    async def release(self, claim_id: str) -> None:
        async def give_up() -> None:
            async with self.hub.database.transaction():
                await self.hub.claims.release(claim_id)

        await self.here(give_up())
        await self.settle()

    async def settle(self) -> None:
        for _ in range(4):
            await self.here(self.hub.outbox.drain())
            self._clock.advance(timedelta(seconds=5))

    async def here(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return await asyncio.create_task(doing, context=self._context)


@pytest_asyncio.fixture
async def banks(
    database: Database,
    database_maker: DatabaseMaker,
    clock: FixedClock,
    chain: LiveChain,
    database_packages: list[str] | None,
) -> AsyncIterator[list[Bank]]:
    """Two banks that both know the old epoch only."""
    contexts = [copy_context(), copy_context()]
    other = Database(await database_maker.new_url(database_packages), database_packages)
    await asyncio.create_task(other.open(), context=contexts[1])
    made = []
    for one, key, context in ((database, HUB, contexts[0]), (other, OTHER_HUB, contexts[1])):
        keys = Keys({1: OLD})
        made.append(Bank(hub_ledger(one, clock, chain.url, chain.contract, key, keys=keys), keys, clock, context))
    yield made
    for bank in made:
        await bank.hub.rpc.close()
    await asyncio.create_task(other.close(), context=contexts[1])


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
