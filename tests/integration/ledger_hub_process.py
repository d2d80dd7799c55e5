"""A hub's ledger as a process of its own: claims invoices, logs each decision, anchors; for races and kill -9.

`python -m tests.integration.ledger_hub_process DATABASE URL CONTRACT KEY_NUMBER COUNT PROFILE`: works until every claim
is decided and every record is anchored, then prints the decisions as JSON.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import coincurve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import Clock, SystemClock

from hub.ledger.chain.anchoring import Anchoring
from hub.ledger.chain.stored import ChainStore
from hub.ledger.claims.desk import DECIDED_TOPIC, REFUSED_TOPIC, ClaimService
from hub.ledger.claims.store import ClaimRow
from hub.ledger.log.sequencer import Sequencer
from hub.ledger.log.store import LeafRow
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.store import OutboxMessage
from hub.platform.vault import SubjectVault, Wrapping
from ledger.anchor.contract import LedgerContract
from ledger.anchor.lease import Lease
from ledger.anchor.profile import PROFILES, ChainProfile
from ledger.anchor.rpc import JsonRpc
from ledger.anchor.sender import Sender
from ledger.merkle.checkpoint import LogSigner
from ledger.registry.fingerprints import HmacClaimKeys, InvoiceIdentity
from tests.integration.ledger_chain import CHAIN_ID

PACKAGES = ["hub.platform", "hub.ledger"]
CONSORTIUM_KEY = bytes(range(32))
LONGEST_RUN_S = 600
# A killed process is succeeded soon.
LEASE = timedelta(seconds=2)
READY = "asked for everything"
_PER_TRANSACTION = 50
_GIVE_UP_PAUSE_S, _GIVING_UP_S = 1.0, 10.0
RACES = {"embedded": PROFILES["embedded"], "race": ChainProfile("race", finality_depth=3, poll_s=0.2, resend_s=3)}


def gives_up(key_number: int, number: int) -> bool:
    """Whether a hub that claims an invoice does not want it after all: one attempt in twenty."""
    return (7 * number + key_number) % 20 == 0


def invoice(number: int) -> InvoiceIdentity:
    """The invoice that everybody races for."""
    digits = f"2631200000{number:010d}"
    return InvoiceIdentity("91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", digits, 1_130_000 + number, date(2026, 3, 2))


class HubProcess:
    """One hub with a log and claims."""

    def __init__(
        self, database: Path | str, url: str, contract: str, key_number: int, profile: str, clock: Clock | None = None
    ) -> None:
        """`database` is a file of SQLite or the URL of any database."""
        self._number = key_number
        self.database = Database(database if isinstance(database, str) else f"sqlite://{database}", PACKAGES)
        self.clock = clock or SystemClock()
        self.outbox = Outbox(self.database, self.clock, LEASE)
        self.rpc = JsonRpc(url)
        reader = LedgerContract(self.rpc, CHAIN_ID, contract)
        key = coincurve.PrivateKey(bytes([key_number]) * 32)
        self.store = ChainStore(self.database)
        lease = Lease(self.store, secrets.token_hex(8), self.clock, LEASE)
        self.sender = Sender(reader, key, self.store, RACES[profile], lease, self.clock)
        signer = LogSigner(f"hub{key_number}", Ed25519PrivateKey.from_private_bytes(bytes([key_number]) * 32))
        self.log_keys = signer.keys
        self.sequencer = Sequencer(self.database, self.clock, signer)
        self.anchoring = Anchoring(self.database, reader, self.sender, self.sequencer.grown, interval_s=0.05)
        vault = SubjectVault(self.database, Wrapping(bytes(32), secrets.token_bytes), secrets.token_bytes, self.clock)
        receipt_key = ec.derive_private_key(key_number, ec.SECP256R1())
        self.ledger = LedgerService(
            self.database,
            self.clock,
            secrets.token_bytes,
            vault,
            lambda: receipt_key,
            CHAIN_ID,
            contract,
            self.sequencer.wake,
        )
        self.claims = ClaimService(
            self.database,
            self.clock,
            secrets.token_bytes,
            self.outbox,
            reader,
            self.sender,
            HmacClaimKeys({1: CONSORTIUM_KEY}),
        )
        self.outbox.register(DECIDED_TOPIC, self._decided)
        self.outbox.register(REFUSED_TOPIC, _nobody_to_tell)

    async def _decided(self, message: Message) -> None:
        """Log the decision once, as lending does."""
        claim_id = message.payload["claim_id"]
        async with self.database.transaction():
            if not await LeafRow.filter(record_id=f"decision:{claim_id}").exists():
                await self.ledger.append(
                    "claim.decided", f"decision:{claim_id}", message.payload, subject=None, evidence={}
                )

    async def request_all(self, count: int) -> None:
        """Ask for every invoice, each hub beginning with another one; again is harmless."""
        order = [(number + self._number * count // 5) % count for number in range(count)]
        for first in range(await ClaimRow.all().count(), count, _PER_TRANSACTION):
            async with self.database.transaction():
                for number in order[first : first + _PER_TRANSACTION]:
                    await self.claims.request(f"claim-{number}", invoice(number))

    async def give_some_up(self, count: int) -> None:
        """Give up what this hub gives up, wherever each claim stands by then: not wanted yet, reserved, or financed."""
        chosen = [number for number in range(count) if gives_up(self._number, number)]
        for number in chosen:
            await asyncio.sleep(min(_GIVE_UP_PAUSE_S, _GIVING_UP_S / len(chosen)))
            async with self.database.transaction():
                await self.claims.release(f"claim-{number}")

    async def finished(self) -> bool:
        """Whether every claim is at its end, and every decision logged and anchored."""
        if await OutboxMessage.filter(state="waiting").exists() or await ClaimRow.filter(state="PENDING").exists():
            return False
        logged = await LeafRow.all().count()
        return not logged or await self.store.newest_anchored_size() == logged


async def _nobody_to_tell(_message: Message) -> None:
    """Conflicts are disclosed between whole hubs; these have no other side."""


async def _main(path: Path, url: str, contract: str, key_number: int, count: int, profile: str) -> None:
    hub = HubProcess(path, url, contract, key_number, profile)
    try:
        await _race(hub, count)
    finally:
        # The thread of an open SQLite database would keep a process that failed from ending.
        await hub.rpc.close()
        await hub.database.close()


async def _race(hub: HubProcess, count: int) -> None:
    await hub.database.open()
    await hub.database.migrate()
    await hub.request_all(count)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    workers = asyncio.gather(hub.outbox.run(stop), hub.sequencer.run(stop), hub.anchoring.run(stop))
    giving_up = asyncio.create_task(hub.give_some_up(count))
    for _ in range(LONGEST_RUN_S * 10):
        if workers.done() or (giving_up.done() and await hub.finished()):
            break
        await asyncio.sleep(0.1)
    stop.set()
    await workers
    await giving_up
    sys.stdout.write(json.dumps({row.claim_id: row.state for row in await ClaimRow.all()}) + "\n")


def main(arguments: Sequence[str]) -> None:
    """Race as the arguments say; see the module."""
    path, url, contract, key_number, count, profile = arguments
    asyncio.run(_main(Path(path), url, contract, int(key_number), int(count), profile))


if __name__ == "__main__":
    main(sys.argv[1:])
