"""Locks on invoices: from the wish, committed, to the final lock on the embedded chain and its decision.

Ours is a hub's whole way: outbox, fingerprints, reservation, financing, each durable at the hub and on the chain. The
baseline sends the same two calls for each claim straight to the chain, one after the other, and keeps nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import coincurve
from huilian_protocol.clock import SystemClock

from deploy.process import ROOT
from hub.ledger.chain.stored import ChainStore
from hub.ledger.claims.desk import DECIDED_TOPIC, REFUSED_TOPIC, ClaimService
from hub.ledger.evaluators.desk import ClaimKeyEvaluator
from hub.ledger.evaluators.shared_keys import SharedClaimKeys
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.lease import Lease
from ledger.anchor.profile import PROFILES
from ledger.anchor.rpc import JsonRpc
from ledger.anchor.sender import Sender
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from ledger.registry.fingerprints import PADDED_SIZES, ClaimKeys, HmacClaimKeys, InvoiceIdentity
from ledger.registry.threshold import deal
from loadtests.bench.restart import CHAIN_ID, fill, measure
from loadtests.bench.world import FOLDER
from loadtests.pairs import Pair, Side

CLAIMS, CLAIMS_IN_SHARES = {1: 10, 32: 64, 128: 128}, {1: 10, 32: 32}
"""Claims of one round by how many are asked for at once; under one key, and under a key in shares."""

RESTART_CLAIMS = int(os.environ.get("BENCH_RESTART_CLAIMS", "10000"))
ADMIN, HUB, OTHER = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))


@dataclass
class _Bank:
    """A hub's claims on a database of its own, with its outbox at work."""

    database: Database
    claims: ClaimService
    decided: dict[str, asyncio.Future[float]]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def lock(self, count: int, at_once: int) -> list[float]:
        """Ask for claims, so many at once, and wait for their decisions; the seconds that each took."""
        seconds = []
        for _ in range(0, count, at_once):
            wanted = [next(self.numbers) for _ in range(at_once)]
            self.decided |= {f"claim-{number}": asyncio.get_running_loop().create_future() for number in wanted}
            async with self.database.transaction():
                for number in wanted:
                    await self.claims.request(f"claim-{number}", _invoice(number))
            started = time.perf_counter()
            seconds += [await self.decided[f"claim-{number}"] - started for number in wanted]
        return seconds

    async def told(self, message: Message) -> None:
        """A claim is decided."""
        if message.payload["state"] != "FINANCED":
            raise RuntimeError("nobody else claims here")
        self.decided[message.payload["claim_id"]].set_result(time.perf_counter())


def _invoice(number: int) -> InvoiceIdentity:
    digits = f"2631200000{number:010d}"
    return InvoiceIdentity("91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", digits, 1_130_000, date(2026, 3, 2))


class _Straight:
    """Another hub's key without a hub around it."""

    def __init__(self, rpc: JsonRpc, contract: str) -> None:
        self._rpc, self._contract, self._nonces = rpc, bytes.fromhex(contract[2:]), itertools.count()

    async def lock(self, count: int) -> list[float]:
        """Reserve and finance as many fingerprints as a claim shows; the seconds that each claim took."""
        seconds = []
        for _ in range(count):
            prints, started = [os.urandom(32) for _ in range(PADDED_SIZES[0])], time.perf_counter()
            await self._send(calls.reserve(prints, bytes(22), int(time.time()) + 600))
            await self._send(calls.finance(prints, bytes(22)))
            seconds.append(time.perf_counter() - started)
        return seconds

    async def _send(self, data: bytes) -> None:
        transaction = Transaction(CHAIN_ID, next(self._nonces), 0, 2_000_000, self._contract, 0, data)
        sent = await self._rpc.call("eth_sendRawTransaction", "0x" + transaction.sign(OTHER).hex())
        receipt = await self._rpc.call("eth_getTransactionReceipt", sent)
        if receipt["status"] != "0x1":
            raise RuntimeError("the chain refused a call")


@contextmanager
def _chain(path: Path) -> Iterator[tuple[str, int]]:
    """An embedded chain as a process: its URL and its id."""
    command = [sys.executable, "-m", "ledger.embedded_chain", "--port", "0", "--chain-id", str(CHAIN_ID)]
    command += ["--state", str(path), "--allocate", f"{address_of(ADMIN)}={10**24}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"http://\S+", process.stdout.readline())
            if not found:
                raise RuntimeError("the chain did not start")
            yield found[0], process.pid
        finally:
            process.kill()


@asynccontextmanager
async def claim_pairs() -> AsyncIterator[list[Pair]]:
    """One pair for each number of claims at once under one key, and the chain's restart."""
    async with _places(HmacClaimKeys({1: os.urandom(32)})) as (folder, pair):
        yield [*(pair("claim locks", *size) for size in CLAIMS.items()), _restart_pair(folder)]


@asynccontextmanager
async def shared_claim_pairs() -> AsyncIterator[list[Pair]]:
    """The same under a key in shares, two of three; its evaluators are in this process, and so is their CPU."""
    group, shares = deal(1, 2, [f"hub-{number}.example" for number in range(3)], os.urandom)
    asks = {one.origin: _evaluator(one.secret).evaluate for one in shares}
    async with _places(SharedClaimKeys(lambda: (group,), asks, os.urandom)) as (_, pair):
        yield [pair("claim locks, key in shares", *size) for size in CLAIMS_IN_SHARES.items()]


def _evaluator(share: int) -> ClaimKeyEvaluator:
    return ClaimKeyEvaluator(lambda _epoch, _generation: share, os.urandom, _no_pace)


async def _no_pace(_caller: str, _count: int) -> None:
    """Nobody is limited here."""


@asynccontextmanager
async def _places(keys: ClaimKeys) -> AsyncIterator[tuple[Path, Callable[[str, int, int], Pair]]]:
    """A folder, and what makes a pair on a chain and a hub of their own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="claims-", dir=FOLDER) as name:
        folder = Path(name)
        with _chain(folder / "chain.sqlite") as (url, pid):
            contract = await deploy_contract(url, ADMIN, [address_of(HUB), address_of(OTHER)])
            rpc = JsonRpc(url)
            straight = _Straight(rpc, contract)
            async with _running_bank(folder / "hub.sqlite", rpc, contract, keys) as bank:
                yield folder, partial(_lock_pair, bank, straight, pid)
            await rpc.close()


def _lock_pair(bank: _Bank, straight: _Straight, pid: int, name: str, at_once: int, count: int) -> Pair:
    async def ours(claims: int) -> list[float]:
        return await bank.lock(max(claims, at_once), at_once)

    return Pair(
        f"{name}, {at_once} at once",
        "claims",
        Side("asked for to final and decided", ours, count, pids=(os.getpid(), pid)),
        Side("two calls straight to the chain", straight.lock, count, pids=(os.getpid(), pid)),
        rounds=3,
    )


def _restart_pair(folder: Path) -> Pair:
    full, empty = folder / "full.sqlite", folder / "empty.sqlite"

    async def filled(_count: int) -> None:
        if not full.exists():
            await asyncio.to_thread(fill, full, RESTART_CLAIMS)

    async def start(path: Path, count: int) -> list[float]:
        return [(await asyncio.to_thread(measure, path))[0] for _ in range(count)]

    return Pair(
        f"restart of the embedded chain, {RESTART_CLAIMS:,} claims",
        "starts",
        Side("with that state", lambda count: start(full, count), 2, prepare=filled),
        Side("with none", lambda count: start(empty, count), 2),
        rounds=3,
    )


@asynccontextmanager
async def _running_bank(path: Path, rpc: JsonRpc, contract: str, keys: ClaimKeys) -> AsyncIterator[_Bank]:
    clock, database = SystemClock(), Database(f"sqlite://{path}", ["hub.platform", "hub.ledger"])
    await database.open()
    await database.migrate()
    reader, store, outbox = LedgerContract(rpc, CHAIN_ID, contract), ChainStore(database), Outbox(database, clock)
    sender = Sender(reader, HUB, store, PROFILES["embedded"], Lease(store, "bench", clock), clock)
    bank = _Bank(database, ClaimService(database, clock, os.urandom, outbox, reader, sender, keys), {})
    outbox.register(DECIDED_TOPIC, bank.told)
    outbox.register(REFUSED_TOPIC, bank.told)
    stop = asyncio.Event()
    working = asyncio.create_task(outbox.run(stop))
    try:
        yield bank
    finally:
        stop.set()
        await working
        await database.close()
