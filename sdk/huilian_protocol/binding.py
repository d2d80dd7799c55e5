"""Key bindings: the identity authority's word that a device key belongs to a verified person.

A binding is a JWS of type ``huilian-binding+jwt`` with the claims ``iss`` (authority), ``sub`` (network number: the
person's pseudonym at this relying party, 网号 in 国家网络身份认证公共服务管理办法), ``cnf.jwk`` (device key, RFC
7800), ``identity_commitment``, ``assurance``, ``iat`` and ``exp`` (seconds since the epoch). It holds no name and no
resident ID: whoever is told name, resident ID and salt can check them against the commitment, nobody else learns them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key, public_key_to_jwk, sign_jws, thumbprint, verify_jws

__all__ = ["Binding", "check_commitment", "check_identity", "commit_identity", "issue_binding", "verify_binding"]

TYP = "huilian-binding+jwt"
ASSURANCE = "IAL2"
SALT_BYTES = 32
# Two machines' clocks may differ by this much before a fresh binding looks as if it came from the future.
CLOCK_SKEW = timedelta(seconds=60)
_CLAIMS = {"assurance", "cnf", "exp", "iat", "identity_commitment", "iss", "sub"}


@dataclass(frozen=True, slots=True)
class Binding:
    """The checked content of a key binding."""

    issuer: str
    subject: str
    device_key: ec.EllipticCurvePublicKey
    identity_commitment: bytes
    assurance: str
    issued_at: datetime
    expires_at: datetime


def commit_identity(name: str, resident_id: str, salt: bytes) -> bytes:
    """SHA-256(salt || canonical {name, resident_id}) with a salt of 32 bytes. Raises ``ValueError`` for another salt
    length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError("an identity commitment's salt is 32 bytes")
    return hashlib.sha256(salt + canonicalise({"name": name, "resident_id": resident_id})).digest()


def check_identity(binding: Binding, name: str, resident_id: str, salt: bytes) -> None:
    """Raises :class:`HuilianError` SUBJECT_MISMATCH unless this is the person that the binding commits to."""
    check_commitment(binding.identity_commitment, name, resident_id, salt)


def check_commitment(committed: bytes, name: str, resident_id: str, salt: bytes) -> None:
    """Raises :class:`HuilianError` SUBJECT_MISMATCH unless name, resident ID and salt open this commitment."""
    try:
        commitment = commit_identity(name, resident_id, salt)
    except ValueError as error:
        raise HuilianError("SUBJECT_MISMATCH", str(error)) from error
    if not hmac.compare_digest(commitment, committed):
        raise HuilianError("SUBJECT_MISMATCH", "the identity does not open the binding's commitment")


def issue_binding(
    authority_key: ec.EllipticCurvePrivateKey,
    *,
    issuer: str,
    subject: str,
    device_key: ec.EllipticCurvePublicKey,
    identity_commitment: bytes,
    issued_at: datetime,
    expires_at: datetime,
    assurance: str = ASSURANCE,
) -> str:
    """Sign a binding with the authority's key; the ``kid`` is the key's thumbprint."""
    claims = {
        "assurance": assurance,
        "cnf": {"jwk": public_key_to_jwk(device_key)},
        "exp": int(expires_at.timestamp()),
        "iat": int(issued_at.timestamp()),
        "identity_commitment": b64u_encode(identity_commitment),
        "iss": issuer,
        "sub": subject,
    }
    return sign_jws(authority_key, claims, TYP, thumbprint(authority_key.public_key()))


def verify_binding(token: str, authority_keys: Mapping[str, ec.EllipticCurvePublicKey], now: datetime) -> Binding:
    """The binding that one of the pinned authorities signed and that is valid at ``now``.

    Raises :class:`HuilianError` BINDING_INVALID.
    """
    claims = verify_jws(token, authority_keys, TYP, code="BINDING_INVALID")
    try:
        binding = _read(claims)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise HuilianError("BINDING_INVALID", f"claims: {error}") from error
    if binding.issued_at > now + CLOCK_SKEW:
        raise HuilianError("BINDING_INVALID", "issued in the future")
    if binding.expires_at <= now:
        raise HuilianError("BINDING_INVALID", "expired")
    return binding


def _read(claims: Mapping[str, Any]) -> Binding:
    if set(claims) != _CLAIMS:
        raise ValueError("unexpected or missing claims")
    texts = [claims["iss"], claims["sub"], claims["assurance"], claims["identity_commitment"]]
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("a text claim is empty or no text")
    if not isinstance(claims["cnf"], dict) or set(claims["cnf"]) != {"jwk"}:
        raise ValueError("cnf holds no key")
    commitment = b64u_decode(claims["identity_commitment"])
    if len(commitment) != hashlib.sha256().digest_size:
        raise ValueError("commitment of a wrong length")
    return Binding(
        issuer=claims["iss"],
        subject=claims["sub"],
        device_key=jwk_to_public_key(claims["cnf"]["jwk"]),
        identity_commitment=commitment,
        assurance=claims["assurance"],
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
    )


def _instant(seconds: Any) -> datetime:
    if type(seconds) is not int:
        raise ValueError("a time claim is no integer")
    return datetime.fromtimestamp(seconds, UTC)
