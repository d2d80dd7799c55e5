"""The chain client over three nodes: what it promises holds on the embedded chain, on py-evm and on a real node.

A deed goes prepared → signed → sent → mined → final, once, whatever happens to the process. The real node is also
killed, undone and away.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import coincurve
import pytest
import pytest_asyncio
from aiohttp import web
from huilian_protocol.clock import FixedClock, SystemClock

from hub.ledger.chain.store import TransactionRow, VariantRow
from hub.ledger.chain.stored import ChainStore
from hub.platform.database import Database
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.lease import Lease
from ledger.anchor.outbox import SettledTransaction, TransactionState
from ledger.anchor.profile import ChainProfile
from ledger.anchor.rpc import ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.sender import Sender
from ledger.anchor.transaction import address_of
from ledger.contract import calls
from ledger.contract.calls import KeyStatus, LockState
from ledger.embedded_chain.chain import EmbeddedChain
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.methods import Methods
from ledger.embedded_chain.server import Answers, application
from tests.integration.ledger_chain import ADMIN, CHAIN_ID, FUNDED, HUB, NEXT_KEY, OTHER_HUB
from tests.integration.ledger_nodes import BALANCE, Anvil, anvil
from tests.integration.py_evm_node import PyEvmNode

AT_ONCE = ChainProfile("at once", finality_depth=0, poll_s=0.01, resend_s=1)
BURIED = replace(AT_ONCE, finality_depth=2)
GAS = 2_000_000


class Port:
    """One node with the contract on it, and a hub's database beside it."""

    def __init__(
        self, url: str, contract: str, database: Database, profile: ChainProfile, mine: Callable[[int], object]
    ) -> None:
        self.mine = mine
        """Mine so many blocks; does nothing where a mined block is final."""
        self.profile = profile
        self.store = ChainStore(database)
        self.rpc = JsonRpc(url, timeout_s=5)
        self.contract = LedgerContract(self.rpc, CHAIN_ID, contract)
        self.clock = FixedClock(datetime.now(UTC).replace(microsecond=0))

    def sender(self, key: coincurve.PrivateKey = HUB, holder: str = "one", timeout_s: float = 5.0) -> Sender:
        """A process of a hub."""
        lease = Lease(self.store, holder, self.clock)
        return Sender(self.contract, key, self.store, self.profile, lease, self.clock, timeout_s=timeout_s)

    async def done(self, purpose: str, data: bytes, sender: Sender | None = None) -> SettledTransaction:
        """Do it, burying it as deep as the profile asks."""
        working = asyncio.create_task((sender or self.sender()).execute(purpose, data, GAS))
        await self.reached(purpose, TransactionState.MINED, working)
        self.mine(self.profile.finality_depth)
        return await working

    async def reached(self, purpose: str, state: TransactionState, working: asyncio.Task[SettledTransaction]) -> None:
        """Wait until a deed that is being done is in a state, or through."""
        async with asyncio.timeout(20):
            while not working.done():
                if await TransactionRow.filter(purpose=purpose, state=state).exists():
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def _serving(methods: Answers) -> AsyncIterator[str]:
    runner = web.AppRunner(application(methods), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite://{tmp_path / 'hub.sqlite'}", ["hub.platform", "hub.ledger"])
    await made.open()
    await made.migrate()
    yield made
    await made.close()


async def _port(
    url: str, database: Database, profile: ChainProfile, mine: Callable[[int], object] = lambda _blocks: None
) -> Port:
    contract = await deploy_contract(url, ADMIN, [address_of(HUB), address_of(OTHER_HUB)])
    return Port(url, contract, database, profile, mine)


@pytest_asyncio.fixture(params=["embedded", "py-evm", "anvil"])
async def port(request: pytest.FixtureRequest, tmp_path: Path, database: Database) -> AsyncIterator[Port]:
    now, balances = int(time.time()), dict.fromkeys(FUNDED, BALANCE)
    if request.param == "embedded":
        journal = Journal(tmp_path / "chain.sqlite")
        methods = Methods(EmbeddedChain(journal, Genesis(CHAIN_ID, now, balances), SystemClock()))
        async with _serving(methods) as url:
            made = await _port(url, database, AT_ONCE)
            yield made
            await made.rpc.close()
        journal.close()
    elif request.param == "py-evm":
        node = PyEvmNode(CHAIN_ID, now, balances)
        async with _serving(node) as url:
            made = await _port(url, database, BURIED, node.mine)
            yield made
            await made.rpc.close()
    else:
        with anvil(now) as process:
            made = await _port(process.url, database, BURIED, lambda blocks: process.call("anvil_mine", hex(blocks)))
            yield made
            await made.rpc.close()


def _anchor(size: int) -> bytes:
    return calls.anchor(bytes([size]) * 32, size)


def _print(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


async def test_a_deed_is_prepared_signed_sent_mined_and_final_once(port: Port) -> None:
    sender = port.sender()
    await sender.prepare("a", _anchor(5), GAS)
    assert (await TransactionRow.get(purpose="a")).state == TransactionState.PREPARED
    settled = await port.done("a", _anchor(5), sender)
    assert settled.succeeded
    row = await TransactionRow.get(purpose="a")
    assert (row.state, row.nonce) == (TransactionState.SUCCEEDED, 0)
    assert bytes(row.raw_transaction or b"") == settled.raw
    assert await sender.execute("a", _anchor(9), GAS) == settled
    block = await port.rpc.call("eth_getBlockByNumber", hex(settled.block_number), False)
    assert block["hash"] == settled.block_hash


async def test_what_the_contract_refuses_is_a_result_and_the_next_deed_goes_on(port: Port) -> None:
    assert (await port.done("a", _anchor(5))).succeeded
    assert not (await port.done("smaller", _anchor(4))).succeeded
    assert (await TransactionRow.get(purpose="smaller")).state == TransactionState.REVERTED
    assert (await port.done("b", _anchor(6))).succeeded
    assert [row.nonce for row in await TransactionRow.all().order_by("nonce")] == [0, 1, 2]


async def test_the_contract_tells_of_keys_anchors_and_events(port: Port) -> None:
    numbers = [await port.contract.hub_number(address_of(key)) for key in (HUB, OTHER_HUB, NEXT_KEY)]
    assert numbers == [1, 2, 0]
    assert (await port.contract.hub_key(address_of(HUB))).status is KeyStatus.CURRENT
    assert [epoch.key for epoch in await port.contract.key_epochs(2)] == [address_of(OTHER_HUB)]
    assert not await port.contract.paused()
    settled = [await port.done(f"anchor {size}", _anchor(size)) for size in (3, 7)]
    assert await port.contract.newest_anchor(1) == (bytes([7]) * 32, 7)
    events = await port.contract.anchored(1)
    assert [(event.size, event.root, event.epoch) for event in events] == [(n, bytes([n]) * 32, 0) for n in (3, 7)]
    told = [(event.transaction_hash, event.block_number, event.block_hash) for event in events]
    assert told == [(one.hash, one.block_number, one.block_hash) for one in settled]
    assert await port.contract.anchored(2) == []


async def test_a_lock_is_reserved_financed_and_released_and_keeps_others_out(port: Port) -> None:
    ours, prints = bytes([1]) * 22, [_print("one"), _print("two")]
    expiry = int(time.time()) + 3_600

    async def locks() -> set[tuple[int, LockState]]:
        return {(lock.owner, lock.state) for lock in await port.contract.locks(prints)}

    assert await locks() == {(0, LockState.FREE)}
    await port.done("reserve", calls.reserve(prints, ours, expiry))
    assert await locks() == {(1, LockState.RESERVED)}
    await port.done("finance", calls.finance(prints, ours))
    other = Sender(
        port.contract, OTHER_HUB, port.store, port.profile, Lease(port.store, "one", port.clock), port.clock, 5.0
    )
    # A call in which no claim goes through is reverted.
    assert not (await port.done("theirs", calls.reserve([prints[0]], bytes([2]) * 22, expiry), other)).succeeded
    assert await locks() == {(1, LockState.FINANCED)}
    await port.done("release", calls.release(prints, ours))
    assert await locks() == {(1, LockState.RELEASED)}


async def test_another_process_ends_what_the_first_began(port: Port) -> None:
    await port.sender().prepare("a", _anchor(5), GAS)
    signing = asyncio.create_task(port.sender().execute("a", _anchor(5), GAS))
    await port.reached("a", TransactionState.MINED, signing)
    signing.cancel()
    port.clock.advance(timedelta(minutes=5))
    signed = (await TransactionRow.get(purpose="a")).raw_transaction
    settled = await port.done("a", _anchor(5), port.sender(holder="two"))
    assert settled.succeeded and settled.raw == bytes(signed or b"")


async def test_nothing_is_signed_for_another_chain(port: Port) -> None:
    port.contract.chain_id += 1
    with pytest.raises(WrongChain):
        await port.sender().execute("a", _anchor(5), GAS)
    assert (await TransactionRow.get(purpose="a")).state == TransactionState.PREPARED


# --- what only a real node goes through


@pytest_asyncio.fixture
async def node(database: Database) -> AsyncIterator[tuple[Anvil, Port]]:
    with anvil(int(time.time())) as process:
        made = await _port(process.url, database, BURIED, lambda blocks: process.call("anvil_mine", hex(blocks)))
        process.call("anvil_mine", "0x5")
        yield process, made
        await made.rpc.close()


async def test_what_a_reorganisation_undoes_goes_out_again_as_the_same_bytes(node: tuple[Anvil, Port]) -> None:
    process, port = node
    working = asyncio.create_task(port.sender(timeout_s=20).execute("a", _anchor(5), GAS))
    await port.reached("a", TransactionState.MINED, working)
    sent = (await TransactionRow.get(purpose="a")).hash
    first = process.call("eth_getTransactionReceipt", sent)
    process.call("anvil_reorg", 1, [])
    while not working.done() and process.call("eth_getTransactionReceipt", sent) in (None, first):
        port.clock.advance(timedelta(seconds=port.profile.resend_s))
        await asyncio.sleep(0.02)
    port.mine(2)
    settled = await working
    assert settled.succeeded and (settled.hash, settled.block_hash != first["blockHash"]) == (sent, True)
    assert not await VariantRow.exists()
    assert await port.contract.newest_anchor(1) == (bytes([5]) * 32, 5)


async def test_a_node_that_dies_and_forgets_gets_the_same_bytes_again(node: tuple[Anvil, Port], tmp_path: Path) -> None:
    process, port = node
    process.call("evm_setAutomine", False)
    sender = port.sender(timeout_s=0.5)
    with pytest.raises(ChainUnavailable, match="not final yet"):
        await sender.execute("a", _anchor(5), GAS)
    assert (await TransactionRow.get(purpose="a")).state == TransactionState.SENT
    signed = (await TransactionRow.get(purpose="a")).raw_transaction
    at, state = int(process.url.rpartition(":")[2]), tmp_path / "node.json"
    process.save(state)
    process.kill()
    with pytest.raises(ChainUnavailable):
        await sender.execute("b", _anchor(6), GAS)
    process.start("--load-state", str(state), port=at)
    port.clock.advance(timedelta(seconds=port.profile.resend_s))
    settled = await port.done("a", _anchor(5), port.sender(timeout_s=20))
    assert settled.succeeded and settled.raw == bytes(signed or b"")
    assert (await port.done("b", _anchor(6), port.sender(timeout_s=20))).succeeded
    assert await port.contract.newest_anchor(1) == (bytes([6]) * 32, 6)
