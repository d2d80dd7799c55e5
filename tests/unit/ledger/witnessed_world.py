"""The world of receipts with everything that came to a log over the years: hybrid keys, a retired key, witnesses."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import canonicalise
from huilian_protocol.trust import TrustAnchors

from ledger.anchor.transaction import address_of
from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.cosignature import Witness
from ledger.merkle.note import MlDsa65Signer
from tests.unit.ledger import receipt_world
from tests.unit.ledger.receipt_world import Parts
from tests.unit.protocol import world

LOG = receipt_world.SIGNER.verifier.name
OLD = receipt_world.SIGNER
"""Signed alone by Ed25519, up to size 3."""
NEW = LogSigner(LOG, Ed25519PrivateKey.from_private_bytes(b"\x18" * 32), [MlDsa65Signer(LOG, b"\x19" * 32)])
"""Signs by both kinds since."""
WITNESSES = tuple(
    Witness(f"hub-{name}.bank.example/witness", Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    for number, name in enumerate("bcd", 0x21)
)
SECONDS = 1_772_416_800


def trust_dict(at_least: int = 2, until: int = 3, **changes: Any) -> dict[str, Any]:
    """Trust anchors with both epochs of the log and its three witnesses; an account and a chain of before."""
    value = world.trust_dict()
    value["hubs"][0] |= {
        "log_vkey": NEW.verifier.vkey(),
        "log_epochs": [
            {"vkeys": [key.vkey() for key in NEW.keys.epochs[0].keys], "until_size": None},
            {"vkeys": [OLD.verifier.vkey()], "until_size": until},
        ],
        "chain_address": "0x" + "22" * 20,
        "chain_addresses_before": [address_of(receipt_world.CHAIN_KEY)],
        "chain_epochs": [
            {"address": address_of(receipt_world.CHAIN_KEY), "from_block": 0, "until_block": receipt_world.BLOCK + 1},
            {"address": "0x" + "22" * 20, "from_block": receipt_world.BLOCK + 1, "until_block": None},
        ],
        "witnesses": {"at_least": at_least, "vkeys": [witness.key.vkey() for witness in WITNESSES]},
    }
    before = value["chain"]
    value |= {"chain": {"chain_id": 9_999, "contract": "0x" + "33" * 20}, "chains_before": [before], **changes}
    return value


def trust(**changes: Any) -> TrustAnchors:
    """The same, parsed."""
    return TrustAnchors.from_dict(trust_dict(**changes))


def trust_bytes(**changes: Any) -> bytes:
    """The same as a file."""
    return canonicalise(trust_dict(**changes))


def lines(signer: LogSigner, body: str, witnesses: tuple[Witness, ...]) -> str:
    """The signature lines of a log and of witnesses."""
    return signer.lines(body) + "".join(witness.cosign(body, SECONDS) for witness in witnesses)


def receipt(parts: Parts, signer: LogSigner = NEW, witnesses: tuple[Witness, ...] = WITNESSES[:2]) -> bytes:
    """The receipt of `receipt_world` under other signatures; its log has size 3."""
    body = receipt_world.checkpoint_body(parts)
    note = f"{body}\n{lines(signer, body, witnesses)}"
    return Parts(parts.record, parts.evidence, overrides={**parts.overrides, "checkpoint": note}).receipt()
