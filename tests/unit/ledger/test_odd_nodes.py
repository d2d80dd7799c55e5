"""A node that answers nonsense is a chain that is away: never a crash, and never taken for an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import coincurve
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from huilian_protocol.clock import SystemClock

from ledger.anchor.contract import LedgerContract
from ledger.anchor.lease import Lease
from ledger.anchor.outbox import Deed, OpenTransaction, SettledTransaction, TransactionState, Variant
from ledger.anchor.profile import PROFILES
from ledger.anchor.rpc import ChainRefused, ChainUnavailable, JsonRpc, WrongChain
from ledger.anchor.sender import Sender

ODD = [
    b"",
    b"<html>",
    b"[]",
    b"7",
    b"[" * 100_000,
    b"{}",
    b'{"error": null}',
    b'{"error": "no"}',
    b'{"error": {"code": "x", "message": 7, "data": []}}',
    *(b'{"result": %s}' % value for value in (b"null", b'"0x"', b'"zz"', b"7", b'{"status": "0x1"}', b'"0x00ff"')),
]


class OneTransaction:
    """The port `TransactionStore`, with one transaction that was signed before."""

    signed = OpenTransaction(
        Deed("deed", b"", 21_000), TransactionState.SIGNED, "0x" + "00" * 20, 0, (Variant(b"\xf8raw", 1),)
    )

    async def settled(self, purpose: str) -> SettledTransaction | None:
        return None

    async def prepare(self, deed: Deed, contract: str, at: datetime) -> None:
        return None

    async def unsettled(self) -> Sequence[OpenTransaction]:
        return [self.signed]

    async def lease(self, holder: str, now: datetime, length: timedelta, *, urgent: bool = False) -> int | None:
        return 1

    async def give_back(self, token: int) -> None:
        return None

    async def sign(
        self, token: int, purpose: str, sender: str, first_nonce: int, sign: Callable[[int], Variant]
    ) -> OpenTransaction:
        return self.signed

    async def add_variant(self, token: int, purpose: str, variant: Variant, at: datetime) -> None:
        raise AssertionError("nothing waited")

    async def mark(self, purpose: str, state: TransactionState, at: datetime | None = None) -> None:
        return None

    async def settle(self, transaction: SettledTransaction) -> None:
        raise AssertionError("nothing was mined")


@pytest_asyncio.fixture(params=range(len(ODD)))
async def contract(request: pytest.FixtureRequest) -> AsyncIterator[LedgerContract]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=ODD[request.param], content_type="application/json")

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app) as server:
        rpc = JsonRpc(str(server.make_url("/")))
        yield LedgerContract(rpc, 1, "0x" + "00" * 20)
        await rpc.close()


async def test_reading_the_chain(contract: LedgerContract) -> None:
    with pytest.raises((ChainUnavailable, ChainRefused, WrongChain)):
        await contract.check_chain()
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await contract.newest_anchor(1)
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await contract.hub_number("0x" + "00" * 20)
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await contract.key_epochs(1)
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await contract.locks([bytes(32)])


async def test_sending(contract: LedgerContract) -> None:
    store, clock, key = OneTransaction(), SystemClock(), coincurve.PrivateKey(b"\1" * 32)
    sender = Sender(contract, key, store, PROFILES["embedded"], Lease(store, "test", clock), clock, timeout_s=0.3)
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await sender.execute("deed", b"", 21_000)
    with pytest.raises((ChainUnavailable, ChainRefused)):
        await sender.resume()
