"""Who may bind an enterprise: the statements that its legal person and its signers sign, and their check.

A statement is canonical JSON (RFC 8785); a signature is ECDSA on P-256 with SHA-256 over it, in DER. A change of
signers bears a number that grows by one with each, so none can be handed in twice; a mandate names one act on one
object. A key is taken for somebody's only after that key signed a statement that names it: nobody can enter another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import canonicalise
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import public_key_to_jwk


class Power(StrEnum):
    """What a signer may do for its enterprise."""

    # Owe: confirm receivables, issue certificates over them.
    CONFIRM = "CONFIRM"
    # Take certificates, or refuse them.
    ACCEPT = "ACCEPT"
    # Give away: split certificates and pass them on, give up what is owed.
    TRANSFER = "TRANSFER"
    # Borrow: sign loans, draw on them, agree to other terms for them, offer certificates to funders.
    FINANCE = "FINANCE"
    # Lend: bid for what others offer.
    FUND = "FUND"
    OPEN_ACCOUNT = "OPEN_ACCOUNT"
    # Order payments: on what is owed to suppliers, on loans.
    PAY = "PAY"
    # Dispute what it is said to owe; come to terms, as either side.
    DISPUTE = "DISPUTE"


@dataclass(frozen=True, slots=True)
class EnterpriseVerification:
    """The legal person asks to be taken for that of an enterprise, with this key: signed by the key itself.

    `legal_person_commitment` is SHA-256 of a salt and the name; `stated_at` counts in whole seconds.
    """

    uscc: str
    name: str
    legal_person_commitment: bytes
    legal_person_key: ec.EllipticCurvePublicKey
    stated_at: datetime

    def canonical(self) -> bytes:
        """What is signed."""
        return canonicalise(
            {
                "type": "huilian-enterprise-verification/v1",
                "uscc": self.uscc,
                "name": self.name,
                "legal_person_commitment": self.legal_person_commitment.hex(),
                "legal_person_key": public_key_to_jwk(self.legal_person_key),
                "stated_at": self.stated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )


@dataclass(frozen=True, slots=True)
class SignerChange:
    """A signer is admitted, gets other powers, or none any more. `limit_fen` bounds each single act.

    Those who approve a change sign it, and the signer who gets powers by it: that is the proof of that signer's key.
    """

    uscc: str
    number: int
    signer_id: str
    public_key: ec.EllipticCurvePublicKey
    powers: frozenset[Power]
    limit_fen: int

    def canonical(self) -> bytes:
        """What is signed."""
        return canonicalise(
            {
                "type": "huilian-signer-change/v1",
                "uscc": self.uscc,
                "number": self.number,
                "signer_id": self.signer_id,
                "public_key": public_key_to_jwk(self.public_key),
                "powers": sorted(power.value for power in self.powers),
                "limit_fen": self.limit_fen,
            }
        )


@dataclass(frozen=True, slots=True)
class Mandate:
    """A signer's word for one act of its enterprise, up to an amount; it is used up by the act.

    The object is what the act is on: the receivable, certificate, financing, loan, auction or bid; or the digest of the
    terms that are agreed to (`restructuring.Restructuring.act_id`).
    """

    uscc: str
    power: Power
    object_id: str
    amount_fen: int
    signer_id: str

    def canonical(self) -> bytes:
        """What is signed."""
        content: dict[str, Any] = {
            "type": "huilian-mandate/v1",
            "uscc": self.uscc,
            "power": self.power.value,
            "object_id": self.object_id,
            "amount_fen": self.amount_fen,
            "signer_id": self.signer_id,
        }
        return canonicalise(content)


@dataclass(frozen=True, slots=True)
class OpeningSubmission:
    """An application for an account as it is handed in: exactly these documents, by their SHA-256.

    `signer_id` is empty for the legal person; `number` grows by one with each submission of an application.
    """

    uscc: str
    application_id: str
    number: int
    signer_id: str
    documents: Mapping[str, bytes]

    def canonical(self) -> bytes:
        """What is signed."""
        return canonicalise(
            {
                "type": "huilian-opening-submission/v1",
                "uscc": self.uscc,
                "application_id": self.application_id,
                "number": self.number,
                "signer_id": self.signer_id,
                "documents": {kind: sha256.hex() for kind, sha256 in self.documents.items()},
            }
        )


Statement = EnterpriseVerification | SignerChange | Mandate | OpeningSubmission


def sign_statement(key: ec.EllipticCurvePrivateKey, statement: Statement) -> bytes:
    """The signature over a statement."""
    return key.sign(statement.canonical(), ec.ECDSA(hashes.SHA256()))


def verify_statement(key: ec.EllipticCurvePublicKey, statement: Statement, signature: bytes) -> None:
    """Raise HuilianError ASSERTION_INVALID unless `key` signed exactly this statement."""
    try:
        key.verify(signature, statement.canonical(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise HuilianError("ASSERTION_INVALID", "signed by another key, or over something else") from error
