"""A node that does what a test tells it: late blocks, lost and stuck transactions, reorganisations, outages.

The EVM behind it is the embedded chain; around it stand a pool with prices, blocks that come when they are asked for,
and a history that can be rewritten. Served over HTTP, so that the client meets it as it meets any node.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import coincurve
from aiohttp import web
from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import FixedClock

from ledger.anchor.transaction import SignedTransaction, Transaction, address_of, decode
from ledger.embedded_chain.chain import EmbeddedChain, Refused
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.methods import Methods, RpcError

CHAIN_ID, START = 202_577, 1_800_000_000
FILLER = coincurve.PrivateKey(b"\x77" * 32)
_LEAST_BUMP_PERCENT = 10


@dataclass
class Script:
    """What goes wrong at present."""

    automatic: bool = True
    """Each transaction is mined as it comes."""
    least_price: int = 0
    """Cheaper transactions stay in the pool."""
    drop: int = 0
    """So many transactions are accepted and forgotten."""
    away: bool = False
    """Connections break."""
    chain_id: int | None = None
    """The chain that it says it is."""
    without: set[str] = field(default_factory=set)
    """Methods that this kind of node does not have."""


class ScriptedNode:
    """One node; see the module."""

    def __init__(self, folder: Path, funded: list[str]) -> None:
        self._folder = folder
        self._genesis = Genesis(CHAIN_ID, START, dict.fromkeys([*funded, address_of(FILLER)], 10**24))
        self.script = Script()
        self.pool: dict[tuple[str, int], SignedTransaction] = {}
        self.received: list[bytes] = []
        self.time = START
        self._lives = 0
        self._begin([])

    def _begin(self, blocks: list[bytes]) -> None:
        """Start a history anew with these transactions, a block each."""
        self.clock = FixedClock(datetime.fromtimestamp(self.time, UTC))
        self.chain = self._history(blocks)
        self._methods = Methods(self.chain)

    def _history(self, blocks: list[bytes]) -> EmbeddedChain:
        self._lives += 1
        chain = EmbeddedChain(Journal(self._folder / f"node-{self._lives}.sqlite"), self._genesis, self.clock)
        for raw in blocks:
            chain.submit(raw)
        return chain

    def _methods_at(self, number: int) -> Methods:
        """The node as it was at a block: the embedded chain keeps the newest state only, so it is played again."""
        return self._methods if number == self.chain.head.number else Methods(self._history(self._raws()[:number]))

    def _raws(self) -> list[bytes]:
        blocks = [self.chain.block(number) for number in range(1, self.chain.head.number + 1)]
        return [block.signed.raw for block in blocks if block.signed]

    def mine(self, empty: int = 0) -> None:
        """Mine what the pool holds at a sufficient price, and then blocks with nothing of ours."""
        while ready := [one for one in self.pool.values() if self._is_next(one)]:
            for one in ready:
                del self.pool[one.sender, one.transaction.nonce]
                self._tick()
                self.chain.submit(one.raw)
        for _ in range(empty):
            self._fill()

    def _is_next(self, one: SignedTransaction) -> bool:
        price, nonce = one.transaction.gas_price, one.transaction.nonce
        return price >= self.script.least_price and nonce == self.chain.machine.nonce(one.sender)

    def _fill(self) -> None:
        self._tick()
        nonce = self.chain.machine.nonce(address_of(FILLER))
        self.chain.submit(Transaction(CHAIN_ID, nonce, 10**9, 21_000, bytes(20), 1, b"").sign(FILLER))

    def _tick(self) -> None:
        self.time += 1
        self.clock.advance(timedelta(seconds=1))

    def reorganise(self, depth: int, *, forget: bool = True) -> list[bytes]:
        """Undo the newest blocks and mine one more in their place; what was in them, unless `forget`, is pooled."""
        kept, undone = self._raws()[:-depth], self._raws()[-depth:]
        self._tick()
        self._begin(kept)
        for _ in range(depth + 1):
            self._fill()
        lost = [raw for raw in undone if decode(raw).sender != address_of(FILLER)]
        for signed in () if forget else map(decode, lost):
            self.pool[signed.sender, signed.transaction.nonce] = signed
        return lost

    def answer(self, method: str, params: list[Any]) -> Any:
        """Answer one call. Raises `RpcError`."""
        if method in self.script.without:
            raise RpcError(-32601, f"the method {method} does not exist/is not available")
        if method == "eth_sendRawTransaction":
            return self._receive(bytes.fromhex(params[0][2:]))
        if method == "eth_chainId" and self.script.chain_id is not None:
            return hex(self.script.chain_id)
        if method in ("eth_getTransactionCount", "eth_call") and params[-1].startswith("0x"):
            return self._methods_at(int(params[-1], 16)).answer(method, [*params[:-1], "latest"])
        return self._methods.answer(method, params)

    def _receive(self, raw: bytes) -> str:
        signed = decode(raw)
        self.received.append(raw)
        try:
            self._check(signed)
        except Refused as error:
            raise RpcError(-32000, str(error)) from None
        if self.script.drop:
            self.script.drop -= 1
            return signed.hash
        self.pool[signed.sender, signed.transaction.nonce] = signed
        if self.script.automatic:
            self.mine()
        return signed.hash

    def _check(self, signed: SignedTransaction) -> None:
        nonce, price = signed.transaction.nonce, signed.transaction.gas_price
        if nonce < self.chain.machine.nonce(signed.sender):
            raise Refused("nonce too low")
        other = self.pool.get((signed.sender, nonce))
        if other is not None and other.raw == signed.raw:
            raise Refused("already known")
        if other is not None and price * 100 < other.transaction.gas_price * (100 + _LEAST_BUMP_PERCENT):
            raise Refused("replacement transaction underpriced")


@asynccontextmanager
async def served(node: ScriptedNode) -> AsyncIterator[str]:
    """Serve a node on a free port of this process; its address."""

    async def post(request: web.Request) -> web.Response:
        if node.script.away:
            assert request.transport
            request.transport.abort()
            await asyncio.sleep(0)
        body = parse_json(await request.read())
        try:
            result = {"result": node.answer(body["method"], body["params"])}
        except RpcError as error:
            result = {"error": {"code": error.code, "message": str(error), "data": error.data}}
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], **result})

    app = web.Application()
    app.router.add_post("/", post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
