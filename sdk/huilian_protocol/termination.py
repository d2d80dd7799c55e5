"""Termination receipts: how and when a consent ended, what was read under it, and by when the data must be gone.

Canonical JSON ``{"type", "statement", "signed_consent", "signature"}``: the signature is the hub's JWS of type
``huilian-termination+jwt`` over the SHA-256 of the rest; ``signed_consent`` is the consent itself (base64url), null
where it was never granted. So whoever holds the file can check all of it with the hub switched off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.artefact import MAX_VERSION, Artefact
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.consent import MAX_CONSENT_BYTES, verify_evidence
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import MAX_TOKEN_CHARS, sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import bytes_at, integer_at, matching_at, object_with, text_at
from huilian_protocol.trust import TrustAnchors

__all__ = ["Ending", "Termination", "issue_termination", "parse_termination", "verify_termination"]

TYPE = "huilian-termination/v1"
TYP = "huilian-termination+jwt"
MAX_BYTES = 2 * MAX_CONSENT_BYTES
MAX_READS_STATED = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)


class Ending(StrEnum):
    """How a consent, or one version of it, ended."""

    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    SUPERSEDED = "SUPERSEDED"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Termination:
    """What a receipt states. ``reads`` counts the deliveries of each dataset; ``deletion_due`` is when nothing that was
    read may be left at the recipient.
    """

    consent_id: str
    version: int
    artefact_sha256: bytes
    ending: Ending
    ended_at: datetime
    reads: Mapping[str, int]
    deletion_due: datetime

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "consent_id": self.consent_id,
            "version": self.version,
            "artefact_sha256": b64u_encode(self.artefact_sha256),
            "ending": self.ending.value,
            "ended_at": format_time(self.ended_at),
            "reads": dict(self.reads),
            "deletion_due": format_time(self.deletion_due),
        }


def issue_termination(
    hub_key: ec.EllipticCurvePrivateKey, statement: Termination, signed_consent: bytes | None
) -> bytes:
    """The receipt, signed by the hub; the same statement gives the same bytes under the same key."""
    body = _body(statement.to_dict(), None if signed_consent is None else b64u_encode(signed_consent))
    signature = sign_jws(hub_key, _claims(body), TYP, thumbprint(hub_key.public_key()))
    return canonicalise({**body, "signature": signature})


def parse_termination(data: bytes) -> Termination:
    """What a receipt states, unverified. Raises :class:`HuilianError` RECEIPT_INVALID."""
    return _parse(data)[0]


def verify_termination(data: bytes, trust: TrustAnchors) -> Termination:
    """What a receipt proves: a trusted hub signed it, and the consent inside is the one that it speaks of.

    Raises :class:`HuilianError` RECEIPT_INVALID, and what ``verify_evidence`` raises for the consent inside.
    """
    statement, consent, body, signature = _parse(data)
    if verify_jws(signature, trust.hub_signing_keys(), TYP, code="RECEIPT_INVALID") != _claims(body):
        raise HuilianError("RECEIPT_INVALID", "the hub signed something else")
    if consent is not None:
        _check_consent(statement, consent, trust)
    elif statement.ending is not Ending.REJECTED and statement.ending is not Ending.EXPIRED:
        raise HuilianError("RECEIPT_INVALID", "what was never granted can only be rejected or expire")
    return statement


def _check_consent(statement: Termination, consent: bytes, trust: TrustAnchors) -> None:
    value = parse_canonical(consent)
    at = parse_time(value["artefact"]["valid_from"])
    artefact: Artefact = verify_evidence(consent, trust, at).artefact
    said = (statement.consent_id, statement.version, statement.artefact_sha256)
    if said != (artefact.id, artefact.version, artefact.sha256):
        raise HuilianError("RECEIPT_INVALID", "the consent inside is another one")
    if set(statement.reads) != {grant.id for grant in artefact.datasets}:
        raise HuilianError("RECEIPT_INVALID", "it does not count exactly the granted datasets")
    if any(count > artefact.max_reads for count in statement.reads.values()):
        raise HuilianError("RECEIPT_INVALID", "more reads than were granted")


def _parse(data: bytes) -> tuple[Termination, bytes | None, dict[str, Any], str]:
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too large")
        value = object_with(parse_canonical(data), ["signature", "signed_consent", "statement", "type"], "receipt")
        if value["type"] != TYPE:
            raise ValueError("another type")
        text = value["signed_consent"]
        consent = None if text is None else b64u_decode(text_at(value, "signed_consent", most=MAX_BYTES))
        if consent is not None and not isinstance(parse_canonical(consent), dict):
            raise ValueError("the consent inside is no object")
        body = _body(value["statement"], text)
        return _read(value["statement"]), consent, body, text_at(value, "signature", most=MAX_TOKEN_CHARS)
    except (ValueError, TypeError, KeyError) as error:
        raise HuilianError("RECEIPT_INVALID", f"termination: {error}") from error


def _read(raw: Any) -> Termination:
    keys = ["artefact_sha256", "consent_id", "deletion_due", "ended_at", "ending", "reads", "version"]
    value = object_with(raw, keys, "statement")
    reads = value["reads"]
    if not isinstance(reads, dict) or not all(_NAME.fullmatch(name) for name in reads):
        raise ValueError("reads is no object of datasets")
    statement = Termination(
        consent_id=matching_at(value, "consent_id", _NAME),
        version=integer_at(value, "version", 1, MAX_VERSION),
        artefact_sha256=bytes_at(value, "artefact_sha256", hashlib.sha256().digest_size),
        ending=Ending(text_at(value, "ending")),
        ended_at=parse_time(text_at(value, "ended_at")),
        reads={name: integer_at(reads, name, 0, MAX_READS_STATED) for name in reads},
        deletion_due=parse_time(text_at(value, "deletion_due")),
    )
    if statement.deletion_due < statement.ended_at:
        raise ValueError("deletion is due before the end")
    return statement


def _body(statement: dict[str, Any], signed_consent: str | None) -> dict[str, Any]:
    return {"type": TYPE, "statement": statement, "signed_consent": signed_consent}


def _claims(body: dict[str, Any]) -> dict[str, str]:
    return {"termination_sha256": b64u_encode(sha256_canonical(body))}
