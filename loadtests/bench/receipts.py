"""Checking a receipt offline ÷ the bare signature checks that it needs, the least that it can cost.

Milliseconds here are CPU time of the checking thread: the best is what it costs, the median what it costs on this
machine as busy as it is. Real receipts of the running site, and one of them under a log that signs by Ed25519 alone:
the hub's P-256 over the whole, Ed25519 over the checkpoint, the recovery of the account that signed the anchor. The
site's log adds ML-DSA-65; a confirmation adds the recovery of its signer and a certificate; a consent's grant has
device, binding and countersignature, whose cost is not in its baseline.

A verifier of many receipts remembers how it read the few keys that it meets. "Cold" is one that has read no key yet,
the trust file included.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import coincurve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from huilian_protocol.clock import SystemClock
from huilian_protocol.jose import thumbprint
from huilian_protocol.receipt import build_receipt, parse_receipt
from huilian_protocol.trust import TrustAnchors, TrustedWitnesses
from nacl.bindings import crypto_sign_open

from deploy.journeys.parties import client_of
from deploy.journeys.receipts import receipt_of
from ledger.merkle.checkpoint import LogSigner
from ledger.verify import verify_bytes
from loadtests.bench.citizen import BenchCitizen
from loadtests.bench.world import World
from loadtests.pairs import Pair, Side, Work

VERIFICATIONS, COLD, BARE = 150, 10, 1_000


async def receipt_pairs(world: World, citizen: BenchCitizen) -> list[Pair]:
    """One pair for each kind of receipt."""
    async with client_of(world.site, world.hub, world.trade.buyer) as buyer:
        confirmation = await receipt_of(buyer, f"confirmation:{world.trade.receivable_id}")
        part = await buyer.certificates.get(world.trade.certificate_ids[0])
        issued = await receipt_of(buyer, f"certificate-issued:{part.parent_certificate_id}")
    grant = await receipt_of(citizen.hub, await citizen.grant_record_id())
    trust = TrustAnchors.load(world.site.trust_file)
    bare = BareChecks()
    plain, its_trust = under_plain_log(issued, trust)
    return [
        _pair("no EIP-712 signature, Ed25519", plain, its_trust, bare.plain),
        _pair("no EIP-712 signature, Ed25519, cold", plain, its_trust, bare.plain, _forget),
        _pair("no EIP-712 signature, hybrid", issued, trust, bare.hybrid),
        _pair("confirmation, hybrid", confirmation, trust, bare.confirmation),
        _pair("consent grant, hybrid", grant, trust, bare.hybrid),
    ]


def under_plain_log(receipt: bytes, trust: TrustAnchors) -> tuple[bytes, TrustAnchors]:
    """The same record and anchor under a checkpoint that Ed25519 signs alone, and the anchors that pin its key."""
    parsed, edwards = parse_receipt(receipt), Ed25519PrivateKey.generate()
    hub, key = trust.hub_of_key(parsed.hub_key_id), ec.generate_private_key(ec.SECP256R1())
    assert hub is not None, "the site's receipt is by a hub that its trust file names"
    log = LogSigner(hub.log_name, edwards)
    again = build_receipt(
        key,
        record=parsed.record,
        salt=parsed.salt,
        leaf_index=parsed.leaf_index,
        tree_size=parsed.tree_size,
        inclusion_proof=parsed.inclusion_proof,
        checkpoint=log.sign(parsed.tree_size, parsed.anchor.root),
        anchor=parsed.anchor,
        evidence=parsed.evidence,
    )
    keys = {thumbprint(key.public_key()): key.public_key()}
    plain = replace(hub, signing_keys=keys, log_vkey=log.verifier.vkey(), log_epochs=(), witnesses=TrustedWitnesses())
    return again, replace(trust, hubs=(plain,))


def _forget() -> None:
    """Forget every reading of keys that the verifier remembers."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and found.__module__.startswith(("ledger.", "huilian_")):
            found.cache_clear()


def _pair(
    name: str, receipt: bytes, trust: TrustAnchors, bare: Callable[[], None], before: Callable[[], None] | None = None
) -> Pair:
    now = SystemClock().now()

    def verify() -> None:
        verdict = verify_bytes(receipt, trust, now)
        assert verdict.ok, f"a genuine receipt was refused: {verdict.checks}"

    return Pair(
        f"offline check of a receipt ({name}; {len(receipt):,} bytes, {_hashes(receipt)} proof hashes)",
        "checks",
        Side("ledger.verify", _repeated(verify, before), VERIFICATIONS if before is None else COLD),
        Side("its signature checks alone", _repeated(bare), BARE),
    )


class BareChecks:
    """The signature checks of a receipt, keys and signatures ready in memory."""

    def __init__(self) -> None:
        self._message, self._ecdsa = b"checkpoint", ec.ECDSA(hashes.SHA256())
        self._digest = hashlib.sha256(self._message).digest()
        curve, edwards, lattice = (
            ec.generate_private_key(ec.SECP256R1()),
            Ed25519PrivateKey.generate(),
            MLDSA65PrivateKey.generate(),
        )
        self._curve, self._by_curve = curve.public_key(), curve.sign(self._message, self._ecdsa)
        self._edwards = edwards.public_key().public_bytes_raw()
        self._by_edwards = edwards.sign(self._message) + self._message
        self._lattice, self._by_lattice = lattice.public_key(), lattice.sign(self._message)
        self._by_account = coincurve.PrivateKey().sign_recoverable(self._digest, hasher=None)

    def plain(self) -> None:
        """P-256, Ed25519, a recovery."""
        crypto_sign_open(self._by_edwards, self._edwards)
        self._curve.verify(self._by_curve, self._message, self._ecdsa)
        coincurve.PublicKey.from_signature_and_message(self._by_account, self._digest, hasher=None)

    def hybrid(self) -> None:
        """ML-DSA-65 as well."""
        self.plain()
        self._lattice.verify(self._by_lattice, self._message)

    def confirmation(self) -> None:
        """And the confirmation's recovery and its certificate's P-256."""
        self.hybrid()
        self._curve.verify(self._by_curve, self._message, self._ecdsa)
        coincurve.PublicKey.from_signature_and_message(self._by_account, self._digest, hasher=None)


def _hashes(receipt: bytes) -> int:
    return len(parse_receipt(receipt).inclusion_proof)


def _repeated(check: Callable[[], None], before: Callable[[], None] | None = None) -> Work:
    async def work(count: int) -> Sequence[float]:
        seconds = []
        for _ in range(count):
            if before is not None:
                before()
            started = time.thread_time()
            check()
            seconds.append(time.thread_time() - started)
        return seconds

    return work
