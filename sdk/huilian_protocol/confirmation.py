"""A core enterprise's confirmation of a receivable as EIP-712 typed data, signed by its own secp256k1 key.

The signature is 65 bytes ``r || s || v`` with low ``s`` (EIP-2) and ``v`` 27 or 28: exactly one spelling. The
enterprise's certificate must be valid at ``confirmed_at`` and name the buyer's USCC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.certificate import EnterpriseIdentity, verify_enterprise_certificate
from huilian_protocol.errors import HuilianError
from huilian_protocol.keccak import keccak256
from huilian_protocol.recovery import HALF_ORDER, ORDER, recover_public_key
from huilian_protocol.strict import bytes_at, integer_at, matching_at, object_with, text_at

__all__ = ["ReceivableConfirmation", "check_signature", "confirmation_digest", "verify_confirmation"]

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_FIELDS = (
    ("receivableId", "string"),
    ("invoiceId", "string"),
    ("buyerUscc", "string"),
    ("supplierUscc", "string"),
    ("amountFen", "uint256"),
    ("currency", "string"),
    ("dueDate", "string"),
    ("evidenceHash", "bytes32"),
    ("confirmedAt", "uint64"),
)
_MESSAGE_TYPE = f"ReceivableConfirmation({','.join(f'{kind} {name}' for name, kind in _FIELDS)})"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_MAX_SAFE = 2**53 - 1
# fromisoformat also takes a week's day (2026-W35-6), which would be a second spelling of the same signed date.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_KEYS = (*(name for name, _ in _FIELDS), "chainId", "verifyingContract")


@dataclass(frozen=True, slots=True)
class ReceivableConfirmation:
    """What the buyer confirms. ``amount_fen`` in fen, ``confirmed_at`` in seconds since the epoch, ``evidence_hash``
    32 bytes.

    ``chain_id`` and ``verifying_contract`` are the EIP-712 domain, so a confirmation for one chain is none for another.
    """

    receivable_id: str
    invoice_id: str
    buyer_uscc: str
    supplier_uscc: str
    amount_fen: int
    currency: str
    due_date: date
    evidence_hash: bytes
    confirmed_at: int
    chain_id: int
    verifying_contract: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form with EIP-712's names; ``evidenceHash`` in base64url."""
        return {
            "receivableId": self.receivable_id,
            "invoiceId": self.invoice_id,
            "buyerUscc": self.buyer_uscc,
            "supplierUscc": self.supplier_uscc,
            "amountFen": self.amount_fen,
            "currency": self.currency,
            "dueDate": self.due_date.isoformat(),
            "evidenceHash": b64u_encode(self.evidence_hash),
            "confirmedAt": self.confirmed_at,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }

    @staticmethod
    def from_dict(raw: Any) -> ReceivableConfirmation:
        """Read the JSON form. Raises ``ValueError`` if it is malformed."""
        value = object_with(raw, _KEYS, "confirmation")
        return ReceivableConfirmation(
            receivable_id=text_at(value, "receivableId"),
            invoice_id=text_at(value, "invoiceId"),
            buyer_uscc=text_at(value, "buyerUscc"),
            supplier_uscc=text_at(value, "supplierUscc"),
            amount_fen=integer_at(value, "amountFen", 1, _MAX_SAFE),
            currency=matching_at(value, "currency", _CURRENCY),
            due_date=date.fromisoformat(matching_at(value, "dueDate", _DATE)),
            evidence_hash=bytes_at(value, "evidenceHash", 32),
            confirmed_at=integer_at(value, "confirmedAt", 0, _MAX_SAFE),
            chain_id=integer_at(value, "chainId", 1, _MAX_SAFE),
            verifying_contract=matching_at(value, "verifyingContract", _ADDRESS),
        )

    def to_typed_data(self) -> dict[str, Any]:
        """The ``eth_signTypedData_v4`` object, for wallets and for cross-checks with other implementations."""
        message = self.to_dict()
        domain = {"name": "Huilian", "version": "1", "chainId": message.pop("chainId")}
        domain["verifyingContract"] = message.pop("verifyingContract")
        message["evidenceHash"] = "0x" + self.evidence_hash.hex()
        parts = _DOMAIN_TYPE.removeprefix("EIP712Domain(").rstrip(")").split(",")
        domain_fields = [{"name": part.split()[1], "type": part.split()[0]} for part in parts]
        return {
            "types": {
                "EIP712Domain": domain_fields,
                "ReceivableConfirmation": [{"name": name, "type": kind} for name, kind in _FIELDS],
            },
            "primaryType": "ReceivableConfirmation",
            "domain": domain,
            "message": message,
        }


def confirmation_digest(message: ReceivableConfirmation) -> bytes:
    """The 32 bytes that are signed: keccak256(0x1901 || domain separator || hash of the message)."""
    domain = keccak256(_DOMAIN_TYPE.encode()) + keccak256(b"Huilian") + keccak256(b"1")
    domain += _word(message.chain_id) + bytes(12) + bytes.fromhex(message.verifying_contract.removeprefix("0x"))
    return keccak256(b"\x19\x01" + keccak256(domain) + _hash_message(message))


def verify_confirmation(
    message: ReceivableConfirmation,
    signature: bytes,
    certificate_pem: str,
    ca_pem: str,
) -> EnterpriseIdentity:
    """The enterprise that signed ``message`` by the key in its certificate.

    Raises :class:`HuilianError` ENTERPRISE_CERTIFICATE_INVALID or CONFIRMATION_MISMATCH (signed by another key,
    over something else, in another spelling, or by an enterprise that is not the buyer).
    """
    confirmed_at = datetime.fromtimestamp(message.confirmed_at, UTC)
    enterprise = verify_enterprise_certificate(certificate_pem, ca_pem, confirmed_at)
    if enterprise.uscc != message.buyer_uscc:
        raise HuilianError("CONFIRMATION_MISMATCH", "the certificate is not the buyer's", field="signer")
    try:
        check_signature(confirmation_digest(message), signature, enterprise.public_key)
    except ValueError as error:
        raise HuilianError("CONFIRMATION_MISMATCH", str(error), field="signature") from error
    return enterprise


def check_signature(digest: bytes, signature: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Check r || s || v (65 bytes, low s) by a secp256k1 key over 32 bytes; raises ``ValueError``."""
    if len(signature) != 65:
        raise ValueError("a signature is 65 bytes")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if not 0 < r < ORDER or not 0 < s <= HALF_ORDER or v not in (27, 28):
        raise ValueError("r, s or v out of range")
    numbers = key.public_numbers()
    signer = recover_public_key(digest, r, s, odd=v == 28)
    if signer != numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big"):
        raise ValueError("signed by another key, or over something else")


def _hash_message(message: ReceivableConfirmation) -> bytes:
    texts = (message.receivable_id, message.invoice_id, message.buyer_uscc, message.supplier_uscc)
    encoded = keccak256(_MESSAGE_TYPE.encode()) + b"".join(_text(text) for text in texts)
    encoded += _word(message.amount_fen) + _text(message.currency) + _text(message.due_date.isoformat())
    if len(message.evidence_hash) != 32:
        raise ValueError("an evidence hash is 32 bytes")
    return keccak256(encoded + message.evidence_hash + _word(message.confirmed_at))


def _text(text: str) -> bytes:
    return keccak256(text.encode("utf-8"))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
