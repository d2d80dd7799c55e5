"""Receipts: one file that proves a record was logged and anchored; its form, its making and its strict reading.

A receipt is canonical JSON. ``signature`` is a JWS of type ``huilian-receipt+jwt`` over ``{"receipt_sha256"}``, the
hash of the canonical receipt without ``signature``; so every byte of the file is covered either by the signature or by
being it. Checking proofs, checkpoint, anchor and evidence offline is ``ledger.verify``'s work.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import (
    Canonical,
    b64u_decode_hashes,
    b64u_encode,
    canonicalise,
    read_canonical,
    sha256_canonical,
)
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import (
    jwk_thumbprint,
    jwk_to_public_key,
    public_key_to_jwk,
    read_jws_of,
    sign_jws,
    thumbprint,
)
from huilian_protocol.record import SALT_BYTES
from huilian_protocol.strict import bytes_at, integer_at, list_at, matching_at, object_with, text_at

__all__ = ["Anchor", "Receipt", "build_receipt", "parse_receipt", "read_receipt", "read_signature"]

TYPE = "huilian-receipt/v1"
TYP = "huilian-receipt+jwt"
HASH_BYTES = 32
MAX_RECEIPT_BYTES = 1024 * 1024
MAX_PROOF_HASHES = 64
MAX_CHECKPOINT_CHARS = 16_384
_MAX_SAFE = 2**53 - 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_HEX = re.compile(r"0x[0-9a-f]+", re.ASCII)
_MAX_TRANSACTION_CHARS = 65_536
_PARTS = ["record", "salt", "leaf_index", "tree_size", "inclusion_proof", "checkpoint", "anchor", "evidence", "hub_key"]
_KEYS = frozenset(["type", *_PARTS, "signature"])
_TRANSACTION = ["raw_transaction", "tx_hash", "block_hash", "block_number"]
_ANCHOR_KEYS = frozenset(["chain_id", "contract", "root", "size", *_TRANSACTION])
_JWK_KEYS = frozenset(["crv", "kty", "x", "y"])


class Anchor(NamedTuple):
    """Where a root stands on the chain. Hashes and the raw signed transaction are lower-case hex with ``0x``;
    ``root`` is 32 bytes.
    """

    chain_id: int
    contract: str
    tx_hash: str
    block_number: int
    block_hash: str
    raw_transaction: str
    size: int
    root: bytes

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "chain_id": self.chain_id,
            "contract": self.contract,
            "tx_hash": self.tx_hash,
            "block_number": self.block_number,
            "block_hash": self.block_hash,
            "raw_transaction": self.raw_transaction,
            "size": self.size,
            "root": b64u_encode(self.root),
        }


class Receipt(NamedTuple):
    """A parsed receipt. Its own signature is by ``hub_key``; whether that hub is trusted is the verifier's question."""

    record: Mapping[str, Any]
    salt: bytes
    leaf_index: int
    tree_size: int
    inclusion_proof: tuple[bytes, ...]
    checkpoint: str
    anchor: Anchor
    evidence: Mapping[str, Any]
    hub_key: ec.EllipticCurvePublicKey
    hub_key_id: str
    """The RFC 7638 thumbprint of ``hub_key``."""
    record_bytes: bytes
    """The canonical form of ``record``."""
    signature: str
    """The hub's, a JWS over all the rest."""


def build_receipt(
    hub_key: ec.EllipticCurvePrivateKey,
    *,
    record: Mapping[str, Any],
    salt: bytes,
    leaf_index: int,
    tree_size: int,
    inclusion_proof: Sequence[bytes],
    checkpoint: str,
    anchor: Anchor,
    evidence: Mapping[str, Any],
) -> bytes:
    """The canonical bytes of a receipt, signed by the hub's key."""
    unsigned: dict[str, Any] = {
        "type": TYPE,
        "record": dict(record),
        "salt": b64u_encode(salt),
        "leaf_index": leaf_index,
        "tree_size": tree_size,
        "inclusion_proof": [b64u_encode(item) for item in inclusion_proof],
        "checkpoint": checkpoint,
        "anchor": anchor.to_dict(),
        "evidence": dict(evidence),
        "hub_key": public_key_to_jwk(hub_key.public_key()),
    }
    claims = {"receipt_sha256": b64u_encode(sha256_canonical(unsigned))}
    return canonicalise({**unsigned, "signature": sign_jws(hub_key, claims, TYP, thumbprint(hub_key.public_key()))})


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt and check its own signature.

    Raises :class:`HuilianError` RECEIPT_INVALID for bytes that are not canonical, an unknown key, an odd value or a
    wrong signature.
    """
    receipt = read_receipt(data)
    read_signature(data, receipt)()
    return receipt


def read_receipt(data: bytes, read: Canonical | None = None) -> Receipt:
    """The same without the signature. ``read`` is what :func:`read_canonical` made of ``data``, if it was asked."""
    try:
        if len(data) > MAX_RECEIPT_BYTES:
            raise ValueError("too large")
        return _read(read or read_canonical(data))
    except (ValueError, TypeError) as error:
        raise HuilianError("RECEIPT_INVALID", str(error)) from error


def read_signature(data: bytes, receipt: Receipt) -> Callable[[], None]:
    """What verifies the hub's signature over what :func:`read_receipt` read from these bytes. Both raise
    RECEIPT_INVALID.
    """
    token = receipt.signature
    claims = _claims(hashlib.sha256(_unsigned(data, token)).digest())
    return read_jws_of(token, claims, {receipt.hub_key_id: receipt.hub_key}, TYP, code="RECEIPT_INVALID")


def _claims(sha256: bytes) -> bytes:
    """What is signed, in its canonical form."""
    return f'{{"receipt_sha256":"{b64u_encode(sha256)}"}}'.encode("ascii")


def _unsigned(data: bytes, token: str) -> bytes:
    """The canonical bytes without the signature: what is canonical stays so when one member is cut out.

    The last place where the token stands as a member is the receipt's own: only two plain members follow it there.
    """
    member = f',"signature":"{token}"'.encode()
    before, _, after = data.rpartition(member)
    return before + after


def _read(read: Canonical) -> Receipt:
    value = object_with(read.value, _KEYS, "receipt")
    if value["type"] != TYPE:
        raise ValueError("another type")
    if not isinstance(value["record"], dict) or not isinstance(value["evidence"], dict):
        raise ValueError("record or evidence is no object")
    tree_size = integer_at(value, "tree_size", 1, _MAX_SAFE)
    hub_key, hub_key_id = _read_key(value["hub_key"])
    return Receipt(
        record=value["record"],
        salt=bytes_at(value, "salt", SALT_BYTES),
        leaf_index=integer_at(value, "leaf_index", 0, tree_size - 1),
        tree_size=tree_size,
        inclusion_proof=b64u_decode_hashes(list_at(value, "inclusion_proof", MAX_PROOF_HASHES)),
        checkpoint=text_at(value, "checkpoint", most=MAX_CHECKPOINT_CHARS),
        anchor=_read_anchor(value["anchor"]),
        evidence=value["evidence"],
        hub_key=hub_key,
        hub_key_id=hub_key_id,
        record_bytes=read.write(value["record"]),
        signature=value["signature"] if isinstance(value["signature"], str) else "",
    )


def _read_key(raw: Any) -> tuple[ec.EllipticCurvePublicKey, str]:
    """The key, which must have its required members only, and its thumbprint."""
    jwk = object_with(raw, _JWK_KEYS, "hub_key")
    return jwk_to_public_key(jwk), jwk_thumbprint(jwk)


def _read_anchor(raw: Any) -> Anchor:
    value = object_with(raw, _ANCHOR_KEYS, "anchor")
    raw_transaction = text_at(value, "raw_transaction", most=_MAX_TRANSACTION_CHARS)
    if not _HEX.fullmatch(raw_transaction) or len(raw_transaction) % 2:
        raise ValueError("raw_transaction is malformed")
    return Anchor(
        chain_id=integer_at(value, "chain_id", 1, _MAX_SAFE),
        contract=matching_at(value, "contract", _ADDRESS),
        tx_hash=matching_at(value, "tx_hash", _HASH),
        block_number=integer_at(value, "block_number", 0, _MAX_SAFE),
        block_hash=matching_at(value, "block_hash", _HASH),
        raw_transaction=raw_transaction,
        size=integer_at(value, "size", 1, _MAX_SAFE),
        root=bytes_at(value, "root", HASH_BYTES),
    )
