"""Checking a receipt offline ÷ the bare signature checks that every receipt needs, the least that it can cost.

These are the hub's P-256 over the whole, Ed25519 and ML-DSA-65 over the checkpoint, and the recovery of the account
that signed the anchor. Real receipts of the running site: a certificate's issue (nothing else inside), a confirmation
(also an EIP-712 signature and a certificate), a consent's grant (also device, binding, countersignature).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

import coincurve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from huilian_protocol.clock import SystemClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.receipt import parse_receipt
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Huilian

from deploy.journeys.parties import client_of
from deploy.journeys.step import until
from ledger.verify import verify_bytes
from loadtests.bench.citizen import BenchCitizen
from loadtests.bench.world import World
from loadtests.pairs import Pair, Side, Work

VERIFICATIONS, BARE = 150, 1_000


async def receipt_pairs(world: World, citizen: BenchCitizen) -> list[Pair]:
    """One pair for each kind of receipt."""
    async with client_of(world.site, world.hub, world.trade.buyer) as buyer:
        confirmation = await _receipt(buyer, f"confirmation:{world.trade.receivable_id}")
        issued = await _receipt(buyer, f"certificate-issued:{world.trade.certificate_ids[0]}")
    grant = await _receipt(citizen.hub, await citizen.grant_record_id())
    trust = TrustAnchors.load(world.site.trust_file)
    return [
        _pair("no EIP-712 signature", issued, trust),
        _pair("confirmation", confirmation, trust),
        _pair("consent grant", grant, trust),
    ]


def _pair(name: str, receipt: bytes, trust: TrustAnchors) -> Pair:
    now = SystemClock().now()

    def verify() -> None:
        verdict = verify_bytes(receipt, trust, now)
        assert verdict.ok, f"a genuine receipt was refused: {verdict.checks}"

    return Pair(
        f"offline check of a receipt ({name}; {len(receipt):,} bytes, {_hashes(receipt)} proof hashes)",
        "checks",
        Side("ledger.verify", _repeated(verify), VERIFICATIONS),
        Side("its signature checks alone", _repeated(_bare()), BARE),
    )


def _bare() -> Callable[[], None]:
    message = b"checkpoint"
    edwards, curve = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    first, second = edwards.sign(message), curve.sign(message, ec.ECDSA(hashes.SHA256()))
    one, other, algorithm = edwards.public_key(), curve.public_key(), ec.ECDSA(hashes.SHA256())
    lattice, account = MLDSA65PrivateKey.generate(), coincurve.PrivateKey()
    third, digest = lattice.sign(message), hashlib.sha256(message).digest()
    pinned, fourth = lattice.public_key(), account.sign_recoverable(digest, hasher=None)

    def check() -> None:
        one.verify(first, message)
        other.verify(second, message, algorithm)
        pinned.verify(third, message)
        coincurve.PublicKey.from_signature_and_message(fourth, digest, hasher=None)

    return check


def _hashes(receipt: bytes) -> int:
    return len(parse_receipt(receipt).inclusion_proof)


def _repeated(check: Callable[[], None]) -> Work:
    async def work(count: int) -> Sequence[float]:
        seconds = []
        for _ in range(count):
            started = time.perf_counter()
            check()
            seconds.append(time.perf_counter() - started)
        return seconds

    return work


async def _receipt(client: Huilian, record_id: str) -> bytes:
    async def look() -> bytes | None:
        try:
            return await client.ledger.receipt(record_id)
        except HuilianError as error:
            if error.code != "RECEIPT_PENDING":
                raise
            return None

    return await until(look, f"the receipt of {record_id}")
