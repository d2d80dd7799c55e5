"""Two banks: hub A whose log is watched, hub B who watches it, with trust anchors that name both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors

from hub.ledger.witnesses.desk import Answer, WitnessService
from hub.platform.database import Database, _as_current
from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.cosignature import Witness
from ledger.merkle.note import MlDsa65Signer
from tests.unit.protocol import world

LOG = "hub-a.example"
SIGNER = LogSigner(LOG, Ed25519PrivateKey.from_private_bytes(b"\x0a" * 32), [MlDsa65Signer(LOG, b"\x0b" * 32)])
WITNESS = Witness("hub-b.example/witness", Ed25519PrivateKey.from_private_bytes(b"\x0c" * 32))


def trust(at_least: int = 1) -> TrustAnchors:
    """Anchors with hub A, whose log hub B watches, and hub B."""
    value = world.trust_dict()
    first, keys = value["hubs"][0], SIGNER.keys.epochs[0].keys
    hub_a = {
        **first,
        "origin": LOG,
        "log_vkey": keys[0].vkey(),
        "log_epochs": [{"vkeys": [key.vkey() for key in keys], "until_size": None}],
        "witnesses": {"at_least": at_least, "vkeys": [WITNESS.key.vkey()]},
    }
    own = LogSigner("hub-b.example", Ed25519PrivateKey.from_private_bytes(b"\x0d" * 32)).verifier.vkey()
    hub_b = {**first, "origin": "hub-b.example", "log_vkey": own, "witness_vkey": WITNESS.key.vkey()}
    return TrustAnchors.from_dict({**value, "hubs": [hub_a, hub_b]})


def service(database: Database, clock: Clock) -> WitnessService:
    """Hub B as a witness."""
    return WitnessService(database, clock, trust, "hub-b.example", WITNESS)


def inside(database: Database) -> AbstractContextManager[None]:
    """A stretch of this process that is the process of another hub: a process has one database."""
    return _as_current(database._opened)


class LocalPeer:
    """The port `WitnessPeer` on a witness in this process; it can be away, and lose an answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._witness = database, service(database, clock)
        self.key = WITNESS.key
        self.away = self.lose_answer = False
        self.asked = 0

    async def add_checkpoint(self, old_size: int, proof: Sequence[bytes], note: str) -> Answer:
        """See the port."""
        self.asked += 1
        if self.away:
            raise HuilianError("UNAVAILABLE")
        with inside(self._database):
            answer = await self._witness.add_checkpoint(old_size, proof, note)
        if self.lose_answer:
            self.lose_answer = False
            raise HuilianError("DEADLINE_EXCEEDED")
        return answer

    async def witnessed(self, log_name: str) -> str | None:
        """See the port."""
        if self.away:
            raise HuilianError("UNAVAILABLE")
        try:
            with inside(self._database):
                return (await self._witness.witnessed(log_name))[0]
        except HuilianError as error:
            if error.code == "NOT_FOUND":
                return None
            raise


def failed(verdict: Any) -> list[str]:
    """The checks of a verdict that do not hold."""
    return [check.name for check in verdict.checks if not check.ok]
