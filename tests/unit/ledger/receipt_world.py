"""A log of three records, its checkpoint and its anchor, made without a hub: what receipts are built from in tests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import coincurve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import b64u_encode, canonicalise, sha256_canonical
from huilian_protocol.confirmation import confirmation_digest
from huilian_protocol.jose import sign_jws, thumbprint
from huilian_protocol.keccak import keccak256
from huilian_protocol.receipt import Anchor, build_receipt
from huilian_protocol.record import commit_record
from huilian_protocol.trust import TrustAnchors

from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from ledger.merkle.checkpoint import Checkpoint, LogSigner
from tests.unit.ledger import naive_tree
from tests.unit.protocol import world

CHAIN_ID, CONTRACT = 1337, world.CONTRACT
BLOCK = 9
CHAIN_KEY = coincurve.PrivateKey(b"\x07" * 32)
SIGNER = LogSigner("hub.huilian.example/log", Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
SALT = bytes(range(32))


def trust(**changes: Any) -> TrustAnchors:
    """The protocol world's trust anchors with this log and this chain account pinned."""
    value = world.trust_dict()
    value["hubs"][0] |= {"log_vkey": SIGNER.verifier.vkey(), "chain_address": address_of(CHAIN_KEY)}
    return TrustAnchors.from_dict({**value, **changes})


def transaction(root: bytes, size: int, key: coincurve.PrivateKey = CHAIN_KEY, **changes: Any) -> bytes:
    """The raw transaction that anchors a root."""
    usual = Transaction(CHAIN_ID, 5, 10**9, 150_000, bytes.fromhex(CONTRACT[2:]), 0, calls.anchor(root, size))
    return replace(usual, **changes).sign(key)


def record(kind: str, content: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Any]:
    """A logged record."""
    return {
        "type": kind,
        "id": f"{kind}:1",
        "recorded_at": "2026-03-02T02:00:00Z",
        "content": content,
        "evidence_sha256": b64u_encode(sha256_canonical(evidence)),
    }


@dataclass
class Parts:
    """The parts of a receipt; `overrides` replaces finished ones, after which the hub still signs the whole."""

    record: dict[str, Any]
    evidence: dict[str, Any]
    hub_key: ec.EllipticCurvePrivateKey = world.HUB
    overrides: dict[str, Any] = field(default_factory=dict)

    def receipt(self, **anchor_changes: Any) -> bytes:
        """The receipt of the record as leaf 1 of 3."""
        leaves = [b"\x01" * 32, commit_record(self.record, SALT), b"\x02" * 32]
        root = naive_tree.root(leaves)
        parts: dict[str, Any] = {
            "record": self.record,
            "salt": SALT,
            "leaf_index": 1,
            "tree_size": 3,
            "inclusion_proof": naive_tree.path(1, leaves),
            "checkpoint": SIGNER.sign(3, root),
            "anchor": anchor(transaction(root, 3), root, **anchor_changes),
            "evidence": self.evidence,
        }
        return build_receipt(self.hub_key, **{**parts, **self.overrides})


def checkpoint_body(parts: Parts) -> str:
    """The text of the checkpoint that the receipt of these parts carries."""
    root = naive_tree.root([b"\x01" * 32, commit_record(parts.record, SALT), b"\x02" * 32])
    return Checkpoint(SIGNER.verifier.name, 3, root).body()


def anchor(raw: bytes, root: bytes, **changes: Any) -> Anchor:
    """The anchor of a raw transaction."""
    usual = Anchor(
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        tx_hash="0x" + keccak256(raw).hex(),
        block_number=BLOCK,
        block_hash="0x" + "ee" * 32,
        raw_transaction="0x" + raw.hex(),
        size=3,
        root=root,
    )
    return usual._replace(**changes)


def confirmed(**changes: Any) -> Parts:
    """A confirmation with the buyer's signature and certificate."""
    message = world.confirmation(**changes)
    secret = world.ENTERPRISE.private_numbers().private_value.to_bytes(32)
    signature = coincurve.PrivateKey(secret).sign_recoverable(confirmation_digest(message), hasher=None)
    evidence = {
        "confirmation": message.to_dict(),
        "signature": b64u_encode(signature[:64] + bytes([27 + signature[64]])),
        "certificate": world.certificate(),
    }
    content = {**message.to_dict(), "at": "2026-03-02T02:00:00Z"}
    return Parts(record("receivable.confirmed", content, evidence), evidence)


def consented() -> Parts:
    """A person's grant with the signed consent."""
    signed = world.consent()
    evidence = {"signed_consent": b64u_encode(signed.to_bytes())}
    content = {"consent_id": signed.artefact.id, "artefact_sha256": b64u_encode(signed.artefact.sha256)}
    return Parts(record("consent-granted", content, evidence), evidence)


def lent() -> Parts:
    """A flash loan with the contract that the borrower's device signed."""
    contract = {
        "type": "flash-loan-contract/v1",
        "application_id": "loan-1",
        "borrower": world.SUBJECT,
        "principal_fen": 500_000,
        "currency": "CNY",
        "terms": {"annual_rate": "0.0435"},
    }
    signed = canonicalise(contract)
    evidence = {
        "assertion": world.DEVICE.sign(hashlib.sha256(signed).digest()).to_dict(),
        "binding": world.binding(),
        "contract": b64u_encode(signed),
    }
    content = {key: contract[key] for key in ("borrower", "principal_fen", "currency", "terms")}
    return Parts(record("loan.disbursed", {**content, "loan_id": "loan-1"}, evidence), evidence)


def accessed(edge_key: ec.EllipticCurvePrivateKey = world.STRANGER) -> Parts:
    """An access record with the edge's signature on its answer."""
    content = {
        "request_id": "read-1",
        "consent_sha256": b64u_encode(bytes(32)),
        "dataset": "tax.income/v1",
        "fields": ["income_fen"],
        "outcome": "DELIVERED",
    }
    claims = {key: content[key] for key in ("request_id", "consent_sha256", "dataset", "fields")}
    kid = thumbprint(edge_key.public_key())
    token = sign_jws(edge_key, {**claims, "envelope_sha256": "x"}, "huilian-answer+jwt", kid)
    evidence = {"edge_signature": token}
    return Parts(record("access", content, evidence), evidence)


def acted(edge_key: ec.EllipticCurvePrivateKey = world.STRANGER) -> Parts:
    """An action in a person's name with the edge's signature over its result; see `accessed`."""
    content = {
        "request_id": "order-00000001",
        "consent_sha256": b64u_encode(bytes(32)),
        "action": "tax.pay_duty/v1",
        "outcome": "EXECUTED",
    }
    claims = {key: content[key] for key in ("request_id", "consent_sha256", "action")}
    kid = thumbprint(edge_key.public_key())
    token = sign_jws(edge_key, {**claims, "envelope_sha256": "x"}, "huilian-action+jwt", kid)
    evidence = {"action_signature": token}
    return Parts(record("action", content, evidence), evidence)


def plain() -> Parts:
    """A record without evidence: the smallest receipt."""
    return Parts(record("certificate.issued", {"amount_fen": 5}, {}), {})
