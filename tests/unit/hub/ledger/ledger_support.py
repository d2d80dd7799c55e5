"""A hub's ledger wired by hand, against an embedded chain served on a free port of this process."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coincurve
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.ledger.chain.anchoring import Anchoring
from hub.ledger.chain.stored import ChainStore
from hub.ledger.claims.desk import ClaimService
from hub.ledger.cover.rules import Beat
from hub.ledger.log.sequencer import Sequencer
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.lease import Lease
from ledger.anchor.profile import PROFILES, ChainProfile
from ledger.anchor.rpc import JsonRpc
from ledger.anchor.sender import Sender
from ledger.anchor.transaction import address_of
from ledger.embedded_chain.chain import EmbeddedChain
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.methods import Methods
from ledger.embedded_chain.server import application
from ledger.merkle.checkpoint import LogSigner
from ledger.registry.fingerprints import ClaimKeys, HmacClaimKeys

CHAIN_ID = 202_577
ADMIN, HUB, OTHER_HUB = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))
CONSORTIUM_KEY = bytes(range(32))


class Outage(Exception):
    """Raised by a hook to drop the connection."""


def fail_at(event: int) -> Callable[[str], None]:
    """A hook that drops the connection at one request or answer; "before" loses the request, "after" the answer."""
    numbers = itertools.count()

    def hook(_moment: str) -> None:
        if next(numbers) == event:
            raise Outage

    return hook


class LiveChain:
    """A chain whose every request passes a hook, before and after it is handled."""

    def __init__(self, chain: EmbeddedChain, url: str, contract: str) -> None:
        self.chain = chain
        self.url = url
        self.contract = contract
        self.hook: Callable[[str], None] = lambda _moment: None


@asynccontextmanager
async def live_chain(folder: Path, clock: Clock) -> AsyncIterator[LiveChain]:
    """Serve a chain with the contract deployed and two hubs enrolled."""
    allocations = {address_of(key): 10**24 for key in (ADMIN, HUB, OTHER_HUB)}
    journal = Journal(folder / "chain.sqlite")
    chain = EmbeddedChain(journal, Genesis(CHAIN_ID, int(clock.now().timestamp()), allocations), clock)
    live = LiveChain(chain, "", "")

    @web.middleware
    async def hooked(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
        try:
            live.hook("before")
            response = await handler(request)
            live.hook("after")
        except Outage:
            assert request.transport
            request.transport.abort()
            return web.Response(status=503)
        return response

    app = application(Methods(chain))
    app.middlewares.append(hooked)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    live.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    live.contract = await deploy_contract(live.url, ADMIN, [address_of(HUB), address_of(OTHER_HUB)])
    try:
        yield live
    finally:
        await runner.cleanup()
        journal.close()


class PlainCipher:
    """The port `SubjectCipher`: a reversible mark instead of encryption, and keys that can be destroyed."""

    def __init__(self) -> None:
        self.destroyed: set[str] = set()

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """One item of `encrypt_for_subjects`."""
        return subject.encode() + b"|" + bytes(byte ^ 0x5A for byte in data)

    async def encrypt_for_subjects(self, items: Sequence[tuple[str, bytes]]) -> list[bytes]:
        """See the port."""
        return [await self.encrypt_for_subject(subject, data) for subject, data in items]

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """See the port."""
        if subject in self.destroyed:
            raise HuilianError("NOT_FOUND", resource="data of this person")
        owner, _, sealed = data.partition(b"|")
        assert owner == subject.encode()
        return bytes(byte ^ 0x5A for byte in sealed)

    async def decrypt_many_for_subject(self, subject: str, items: Sequence[bytes]) -> list[bytes]:
        """See the port."""
        return [await self.decrypt_for_subject(subject, item) for item in items]


@dataclass
class HubLedger:
    """One hub process's view of the ledger."""

    database: Database
    outbox: Outbox
    cipher: PlainCipher
    rpc: JsonRpc
    sender: Sender
    sequencer: Sequencer
    anchoring: Anchoring
    ledger: LedgerService
    claims: ClaimService
    decisions: list[dict[str, Any]]

    async def append(self, record_id: str, subject: str | None = None) -> None:
        """Append one record in a transaction of its own."""
        async with self.database.transaction():
            await self.ledger.append("test", record_id, {"value": record_id}, subject=subject, evidence={"e": "1"})


def hub_ledger(
    database: Database,
    clock: Clock,
    url: str,
    contract: str,
    key: coincurve.PrivateKey | Callable[[], coincurve.PrivateKey] = HUB,
    receipt_key: ec.EllipticCurvePrivateKey | None = None,
    signer: LogSigner | None = None,
    holder: str = "hub",
    profile: ChainProfile = PROFILES["embedded"],
    keys: ClaimKeys | None = None,
    cover: Beat | None = None,
) -> HubLedger:
    """Wire a ledger as the composition root does. The log key is fixed, salts count upwards.

    `holder` names the process: one of the same name is the same process started again.
    """
    # No two hubs ever draw the same salt.
    first_key = key if isinstance(key, coincurve.PrivateKey) else key()
    salts = itertools.count(1 + (first_key.to_int() % 2**64 << 64))
    outbox, cipher, rpc = Outbox(database, clock), PlainCipher(), JsonRpc(url, timeout_s=2)
    reader = LedgerContract(rpc, CHAIN_ID, contract)
    store = ChainStore(database)
    sender = Sender(reader, key, store, profile, Lease(store, holder, clock), clock, timeout_s=5)
    signer = signer or LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    sequencer = Sequencer(database, clock, signer)
    receipt_key = receipt_key or ec.derive_private_key(7, ec.SECP256R1())

    def salt(size: int) -> bytes:
        return next(salts).to_bytes(size)

    ledger = LedgerService(
        database, clock, salt, cipher, lambda: receipt_key, CHAIN_ID, contract, wake_sequencer=sequencer.wake
    )
    keys = keys or HmacClaimKeys({1: CONSORTIUM_KEY})
    claims = ClaimService(database, clock, salt, outbox, reader, sender, keys, cover)
    decisions: list[dict[str, Any]] = []

    async def decided(message: Any) -> None:
        decisions.append(message.payload)

    outbox.register("claim.decided", decided)
    anchoring = Anchoring(database, reader, sender, sequencer.grown, interval_s=0.01)
    return HubLedger(database, outbox, cipher, rpc, sender, sequencer, anchoring, ledger, claims, decisions)
