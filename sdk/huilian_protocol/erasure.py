"""Erasure of a person's data at a hub: the order that the person signs, and the certificate that the hub gives.

The order is canonical JSON; the person's device signs its SHA-256 as it signs a consent. The certificate is a JWS of
type ``huilian-erasure+jwt``; its claims are, word for word, the content of a record in the hub's log. The person is
named by a salted commitment, so neither tells anything to who does not know the pseudonym.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.access_export import subject_commitment
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import bytes_at, object_with

__all__ = ["certificate_content", "erasure_order", "sign_certificate", "verify_certificate"]

TYP = "huilian-erasure+jwt"
TYPE = "huilian-erasure/v1"
ORDER_TYPE = "huilian-erasure-order/v1"


def erasure_order(subject: str, hub: str, erasure_id: str) -> bytes:
    """What the person signs: destroy what you keep about me. ``hub`` is its origin."""
    return canonicalise({"type": ORDER_TYPE, "subject": subject, "hub": hub, "erasure_id": erasure_id})


def certificate_content(
    *,
    subject: str,
    salt: bytes,
    hub: str,
    erasure_id: str,
    erased_at: datetime,
    records: int,
    head: bytes | None,
    retained: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """What the hub certifies; ``records`` and ``head`` are length and last commitment of the person's chain of access
    records, whose readable copies are gone.
    """
    return {
        "type": TYPE,
        "subject": {"commitment": b64u_encode(subject_commitment(subject, salt)), "salt": b64u_encode(salt)},
        "hub": hub,
        "erasure_id": erasure_id,
        "erased_at": format_time(erased_at),
        "records": records,
        "head": "" if head is None else b64u_encode(head),
        "retained": [dict(item) for item in retained],
    }


def sign_certificate(hub_key: ec.EllipticCurvePrivateKey, content: Mapping[str, Any]) -> str:
    """The certificate; the ``kid`` is the key's thumbprint."""
    return sign_jws(hub_key, dict(content), TYP, thumbprint(hub_key.public_key()))


def verify_certificate(token: str, hub_keys: Mapping[str, ec.EllipticCurvePublicKey], subject: str) -> dict[str, Any]:
    """The content that one of the hub's keys signed for this person. Raises :class:`HuilianError` RECEIPT_INVALID."""
    content = verify_jws(token, hub_keys, TYP, code="RECEIPT_INVALID")
    try:
        named = object_with(content.get("subject"), ("commitment", "salt"), "subject")
        right = subject_commitment(subject, bytes_at(named, "salt", 32)) == bytes_at(named, "commitment", 32)
    except (ValueError, TypeError) as error:
        raise HuilianError("RECEIPT_INVALID", str(error)) from error
    if content.get("type") != TYPE or not right:
        raise HuilianError("RECEIPT_INVALID", "the certificate is about somebody else")
    return content
