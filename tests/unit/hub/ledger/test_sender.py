"""The chain client against a node that misbehaves on command: one writer, higher fees, reorganisations, profiles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import coincurve
import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.ledger.chain.store import LeaseRow, TransactionRow, VariantRow
from hub.ledger.chain.stored import ChainStore
from hub.platform.database import Database
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.lease import LEASE_LENGTH, Lease
from ledger.anchor.outbox import Deed, LeaseLost, SettledTransaction, TransactionState, Variant
from ledger.anchor.profile import PROFILES, ChainProfile, FeeSource
from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.sender import NonceTaken, Sender
from ledger.anchor.transaction import Transaction, address_of, decode
from ledger.contract import calls
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.scripted_node import CHAIN_ID, ScriptedNode, served

pytestmark = ON_SQLITE

ADMIN, HUB, OTHER = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))
QUICK = ChainProfile("test", finality_depth=0, poll_s=0.005, bump_after_s=30, resend_s=10)
DEEP = replace(QUICK, finality_depth=3)


class Rig:
    """One hub's side: database, clock and senders for its processes."""

    def __init__(self, database: Database, clock: FixedClock, node: ScriptedNode, url: str, contract: str) -> None:
        self.database, self.clock, self.node = database, clock, node
        self.store = ChainStore(database)
        self.rpc = JsonRpc(url, timeout_s=2)
        self.contract = LedgerContract(self.rpc, CHAIN_ID, contract)

    def sender(
        self,
        profile: ChainProfile = QUICK,
        holder: str = "one",
        timeout_s: float = 0.3,
        key: coincurve.PrivateKey = HUB,
    ) -> Sender:
        """A process of the hub."""
        lease = Lease(self.store, holder, self.clock)
        return Sender(self.contract, key, self.store, profile, lease, self.clock, timeout_s=timeout_s)

    def mined(self) -> list[tuple[int, int]]:
        """Nonce and price of what the hub's key got mined, in order."""
        blocks = [self.node.chain.block(number).signed for number in range(1, self.node.chain.head.number + 1)]
        return [(s.transaction.nonce, s.transaction.gas_price) for s in blocks if s and s.sender == address_of(HUB)]


@pytest_asyncio.fixture
async def rig(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Rig]:
    node = ScriptedNode(tmp_path, [address_of(key) for key in (ADMIN, HUB, OTHER)])
    async with served(node) as url:
        contract = await deploy_contract(url, ADMIN, [address_of(HUB), address_of(OTHER)])
        made = Rig(database, clock, node, url, contract)
        yield made
        await made.rpc.close()


def _anchor(size: int) -> bytes:
    return calls.anchor(bytes([size]) * 32, size)


async def _pending(sender: Sender, purpose: str, data: bytes) -> None:
    """Wait in vain, but on a slow machine until it had the time to send something if it may."""
    for _ in range(10):
        with pytest.raises(ChainUnavailable, match="not final yet"):
            await sender.execute(purpose, data, 150_000)
        if await TransactionRow.filter(state__in=[TransactionState.SENT, TransactionState.MINED]).exists():
            return


async def _done(sender: Sender, purpose: str, data: bytes) -> SettledTransaction:
    """Call again until it is known, as callers do."""
    for _ in range(50):
        try:
            return await sender.execute(purpose, data, 150_000)
        except ChainUnavailable:
            continue
    raise AssertionError(f"{purpose} does not become final")


async def test_a_deed_is_done_once_and_refusals_are_results(rig: Rig) -> None:
    sender = rig.sender()
    first = await _done(sender, "a", _anchor(5))
    assert first.succeeded
    assert await _done(sender, "a", _anchor(9)) == first
    assert not (await _done(sender, "b", _anchor(5))).succeeded
    assert [nonce for nonce, _ in rig.mined()] == [0, 1]


@ON_BOTH
async def test_a_late_block_is_waited_for_and_the_bytes_go_out_once(rig: Rig) -> None:
    rig.node.script.automatic = False
    before = len(rig.node.received)
    await _pending(rig.sender(), "a", _anchor(1))
    assert len(rig.node.received) == before + 1
    row = await TransactionRow.get(purpose="a")
    assert (row.state, row.sent_at) == (TransactionState.SENT, rig.clock.now())
    rig.node.mine()
    assert (await _done(rig.sender(), "a", _anchor(1))).succeeded


@ON_BOTH
async def test_a_dropped_transaction_goes_out_again_as_the_same_bytes(rig: Rig) -> None:
    sender = rig.sender()
    rig.node.script.drop = 1
    await _pending(sender, "a", _anchor(1))
    await _pending(sender, "a", _anchor(1))
    rig.clock.advance(timedelta(seconds=QUICK.resend_s))
    assert (await _done(sender, "a", _anchor(1))).succeeded
    assert len(set(rig.node.received[-2:])) == 1


@ON_BOTH
async def test_a_pool_that_forgets_by_blocks_gets_the_same_bytes_again(rig: Rig) -> None:
    sender = rig.sender(replace(PROFILES["fisco"], poll_s=0.005, pool_blocks=4, resend_s=10**6))
    rig.node.script.without = {"eth_feeHistory", "eth_gasPrice"}
    rig.node.script.drop = 1
    await _pending(sender, "a", _anchor(1))
    rig.node.mine(empty=4)
    await _pending(sender, "a", _anchor(1))
    rig.node.mine(empty=1)
    assert (await _done(sender, "a", _anchor(1))).succeeded
    assert rig.mined() == [(0, 0)]


@ON_BOTH
async def test_one_in_flight_is_one_in_flight(rig: Rig) -> None:
    sender = rig.sender(replace(PROFILES["fisco"], poll_s=0.005))
    rig.node.script.automatic = False
    before = len(rig.node.received)
    await asyncio.gather(*(_pending(sender, f"d{number}", _anchor(number + 1)) for number in range(3)))
    assert len(rig.node.received) == before + 1
    rig.node.script.automatic = True
    rig.node.mine()
    done = await asyncio.gather(*(_done(sender, f"d{number}", b"") for number in range(3)))
    assert all(one.succeeded for one in done)
    assert await TransactionRow.filter(state="SUCCEEDED").count() == 3


@ON_BOTH
async def test_a_stuck_transaction_is_replaced_at_a_higher_price_up_to_the_highest(rig: Rig) -> None:
    sender = rig.sender(replace(QUICK, highest_price=1_400_000_000))
    rig.node.script.least_price = 1_300_000_000
    await _pending(sender, "a", _anchor(1))
    prices = [10**9]
    for _ in range(4):
        await _pending(sender, "a", _anchor(1))
        rig.clock.advance(timedelta(seconds=QUICK.bump_after_s))
        if len(prices) < 3:
            prices.append(prices[-1] * 115 // 100)
            if prices[-1] >= rig.node.script.least_price:
                break
        await _pending(sender, "a", _anchor(1))
    assert (await _done(sender, "a", _anchor(1))).succeeded
    assert rig.mined() == [(0, 1_322_500_000)]
    row = await TransactionRow.get(purpose="a")
    assert row.gas_price == 1_322_500_000
    assert {one.gas_price for one in await VariantRow.filter(purpose="a")} == {10**9, 1_150_000_000}


@ON_BOTH
async def test_at_the_highest_price_nothing_more_is_signed(rig: Rig) -> None:
    sender = rig.sender(replace(QUICK, highest_price=1_150_000_000))
    rig.node.script.least_price = 10**10
    await _pending(sender, "a", _anchor(1))
    for _ in range(5):
        rig.clock.advance(timedelta(seconds=QUICK.bump_after_s))
        await _pending(sender, "a", _anchor(1))
    assert await VariantRow.all().count() == 1
    rig.node.script.least_price = 0
    rig.node.mine()
    assert (await _done(sender, "a", _anchor(1))).succeeded


async def test_whichever_variant_is_mined_counts(rig: Rig) -> None:
    sender = rig.sender()
    rig.node.script.automatic = False
    await _pending(sender, "a", _anchor(1))
    rig.clock.advance(timedelta(seconds=QUICK.bump_after_s))
    await _pending(sender, "a", _anchor(1))
    cheap = decode((await rig.store.unsettled())[0].variants[0].raw)
    rig.node.pool[cheap.sender, 0] = cheap
    rig.node.mine()
    done = await _done(sender, "a", _anchor(1))
    assert (done.hash, rig.mined()) == (cheap.hash, [(0, 10**9)])
    assert await rig.store.settled("a") == done


@ON_BOTH
async def test_final_means_buried_and_a_reorganisation_sends_the_same_bytes_again(rig: Rig) -> None:
    sender = rig.sender(DEEP)
    await _pending(sender, "a", _anchor(1))
    assert (await TransactionRow.get(purpose="a")).state == TransactionState.MINED
    rig.node.mine(empty=1)
    await _pending(sender, "a", _anchor(1))
    (lost,) = rig.node.reorganise(2)
    await _pending(sender, "a", _anchor(1))
    assert rig.node.received[-1] == lost
    rig.node.mine(empty=3)
    done = await _done(sender, "a", _anchor(1))
    assert (done.raw, done.block_number) == (lost, rig.node.chain.head.number - 3)
    assert rig.node.chain.block(done.block_number).hash == done.block_hash


@ON_BOTH
async def test_several_transactions_undone_at_once_keep_their_order(rig: Rig) -> None:
    sender = rig.sender(DEEP)
    await _all_mined(rig, sender)
    assert len(rig.node.reorganise(3)) == 3
    await _all_mined(rig, sender)
    rig.node.mine(empty=3)
    done = [await _done(sender, f"d{number}", b"") for number in range(3)]
    assert [one.succeeded for one in done] == [True] * 3
    assert [nonce for nonce, _ in rig.mined()] == [0, 1, 2]


async def _all_mined(rig: Rig, sender: Sender) -> None:
    """Send three until they are in blocks, however slow the database is."""
    for _ in range(50):
        # One after the other: a later anchor that took an earlier number would leave the earlier one too small.
        for number in range(3):
            await _pending(sender, f"d{number}", _anchor(number + 1))
        if len(rig.mined()) == 3:
            return
    raise AssertionError("three transactions are not mined")


async def test_a_node_that_is_away_leaves_it_to_the_next_call(rig: Rig) -> None:
    rig.node.script.away = True
    with pytest.raises(ChainUnavailable):
        await rig.sender().execute("a", _anchor(1), 150_000)
    rig.node.script.away = False
    assert (await _done(rig.sender(), "a", _anchor(1))).succeeded


async def test_nothing_is_signed_for_another_chain(rig: Rig) -> None:
    rig.node.script.chain_id = CHAIN_ID + 1
    with pytest.raises(WrongChain):
        await rig.sender().execute("a", _anchor(1), 150_000)
    assert (await TransactionRow.get(purpose="a")).nonce is None
    rig.node.script.chain_id = None
    assert (await _done(rig.sender(), "a", _anchor(1))).succeeded


@ON_BOTH
async def test_a_fee_market_is_asked_for_its_history(rig: Rig) -> None:
    rig.node.script.without = {"eth_gasPrice"}
    sender = rig.sender(replace(QUICK, fees=FeeSource.FEE_HISTORY))
    assert (await _done(sender, "a", _anchor(1))).succeeded


async def test_our_nonce_used_elsewhere_is_named(rig: Rig) -> None:
    rig.node.script.automatic = False
    sender = rig.sender()
    await _pending(sender, "a", _anchor(1))
    other = decode(Transaction(CHAIN_ID, 0, 10**9, 150_000, bytes(20), 0, b"").sign(HUB))
    rig.node.pool[other.sender, 0] = other
    rig.node.mine()
    rig.clock.advance(timedelta(seconds=QUICK.resend_s))
    with pytest.raises(NonceTaken):
        await _done(sender, "a", _anchor(1))


async def test_the_holder_of_the_lease_does_the_work_of_all(rig: Rig) -> None:
    first, second = rig.sender(holder="one", timeout_s=5), rig.sender(holder="two", timeout_s=5)
    await _done(first, "a", _anchor(1))
    waiting = asyncio.create_task(second.execute("b", _anchor(2), 150_000))
    await asyncio.sleep(0.05)
    assert (await TransactionRow.get(purpose="b")).nonce is None
    assert (await _done(first, "c", _anchor(3))).succeeded
    assert (await waiting).succeeded
    rig.clock.advance(LEASE_LENGTH)
    assert (await _done(second, "d", _anchor(4))).succeeded
    assert [nonce for nonce, _ in rig.mined()] == [0, 1, 2, 3]


@ON_BOTH
async def test_a_process_that_slept_through_its_lease_stores_nothing(rig: Rig) -> None:
    slept = await rig.store.lease("one", rig.clock.now(), LEASE_LENGTH)
    assert slept is not None
    assert await rig.store.lease("two", rig.clock.now(), LEASE_LENGTH) is None
    rig.clock.advance(LEASE_LENGTH)
    taken = await rig.store.lease("two", rig.clock.now(), LEASE_LENGTH)
    assert taken == slept + 1
    await rig.store.prepare(Deed("a", b"", 1), rig.contract.address, rig.clock.now())
    with pytest.raises(LeaseLost):
        await rig.store.sign(slept, "a", address_of(HUB), 0, lambda _nonce: Variant(b"\1", 1))
    await rig.store.sign(taken, "a", address_of(HUB), 0, lambda _nonce: Variant(b"\2", 1))
    with pytest.raises(LeaseLost):
        await rig.store.add_variant(slept, "a", Variant(b"\3", 2), rig.clock.now())
    assert [one.variants for one in await rig.store.unsettled()] == [(Variant(b"\2", 1),)]
    await rig.store.give_back(slept)
    assert (await LeaseRow.get(name="chain")).holder == "two"
    await rig.store.give_back(taken)
    assert await rig.store.lease("three", rig.clock.now(), LEASE_LENGTH) == taken + 2


@ON_BOTH
async def test_two_processes_racing_never_sign_two_byte_strings_for_one_nonce(rig: Rig) -> None:
    senders = [rig.sender(holder=str(number), timeout_s=5) for number in range(3)]
    stop = asyncio.Event()
    workers = asyncio.gather(*(sender.run(stop) for sender in senders))

    async def disturb() -> None:
        for _ in range(20):
            await asyncio.sleep(0.02)
            rig.clock.advance(LEASE_LENGTH)

    deeds = [senders[number % 3].execute(f"d{number}", _anchor(number + 1), 150_000) for number in range(18)]
    done, _ = await asyncio.gather(asyncio.gather(*deeds), disturb())
    stop.set()
    await workers
    assert len({one.hash for one in done}) == 18
    sent = [decode(raw) for raw in rig.node.received if decode(raw).sender == address_of(HUB)]
    assert len({one.transaction.nonce for one in sent}) == len({one.raw for one in sent}) == 18


@ON_BOTH
async def test_signing_replacing_and_settling_broken_at_each_statement(rig: Rig) -> None:
    token = await rig.store.lease("one", rig.clock.now(), LEASE_LENGTH)
    assert token is not None
    await rig.store.prepare(Deed("a", b"", 1), rig.contract.address, rig.clock.now())

    async def sign() -> None:
        await rig.store.sign(token, "a", address_of(HUB), 7, lambda nonce: Variant(bytes([nonce]), 1))

    async for _ in break_at_each_statement(rig.database, sign):
        assert (await rig.store.unsettled())[0].nonce is None
    newer = Variant(b"newer", 2)
    async for _ in break_at_each_statement(
        rig.database, lambda: rig.store.add_variant(token, "a", newer, rig.clock.now())
    ):
        assert len((await rig.store.unsettled())[0].variants) == 1
    (one,) = await rig.store.unsettled()
    assert (one.nonce, one.variants) == (7, (Variant(b"\7", 1), newer))


@ON_BOTH
async def test_a_foreign_lock_refuses_only_once_it_is_final(rig: Rig) -> None:
    print_ = bytes([9]) * 32
    nonce, to = rig.node.chain.machine.nonce(address_of(OTHER)), bytes.fromhex(rig.contract.address[2:])
    data = calls.reserve([print_], bytes(22), rig.node.time + 600)
    rig.node.answer(
        "eth_sendRawTransaction", ["0x" + Transaction(CHAIN_ID, nonce, 10**9, 200_000, to, 0, data).sign(OTHER).hex()]
    )
    sender = rig.sender(DEEP)
    assert (await rig.contract.locks([print_]))[0].owner == 2
    assert (await rig.contract.locks([print_], await sender.final_block()))[0].owner == 0
    rig.node.mine(empty=3)
    assert (await rig.contract.locks([print_], await sender.final_block()))[0].owner == 2
