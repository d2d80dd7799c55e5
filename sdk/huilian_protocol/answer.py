"""The edge's signature on an answer: which request, under which consent, got exactly which sealed envelope.

A JWS of type ``huilian-answer+jwt`` by the edge's signing key. The hub checks it before it hands the envelope on, so a
swapped or replayed answer is a fault of the provider that it can prove.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws_of

__all__ = ["sign_answer", "verify_answer"]

TYP = "huilian-answer+jwt"
# An edge signs with one key, and with the next one after a rotation.
_REMEMBERED_KEYS = 4


def sign_answer(
    edge_key: ec.EllipticCurvePrivateKey,
    *,
    request_id: str,
    consent_sha256: bytes,
    dataset: str,
    fields: Sequence[str],
    envelope: bytes,
) -> str:
    """The signature over one answer; ``consent_sha256`` is the artefact's hash, the ``kid`` the key's thumbprint."""
    claims = _claims(request_id, consent_sha256, dataset, fields, envelope)
    return sign_jws(edge_key, claims, TYP, _kid(edge_key))


def verify_answer(
    token: str,
    edge_keys: Mapping[str, ec.EllipticCurvePublicKey],
    *,
    request_id: str,
    consent_sha256: bytes,
    dataset: str,
    fields: Sequence[str],
    envelope: bytes,
) -> None:
    """Check that one of the edge's keys (by ``kid``) signed exactly this answer.

    Raises :class:`HuilianError` PROVIDER_FAULT.
    """
    claims = _claims(request_id, consent_sha256, dataset, fields, envelope)
    verify_jws_of(token, claims, edge_keys, TYP, code="PROVIDER_FAULT")


@lru_cache(_REMEMBERED_KEYS)
def _kid(edge_key: ec.EllipticCurvePrivateKey) -> str:
    return thumbprint(edge_key.public_key())


def _claims(
    request_id: str, consent_sha256: bytes, dataset: str, fields: Sequence[str], envelope: bytes
) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "consent_sha256": b64u_encode(consent_sha256),
        "dataset": dataset,
        "fields": sorted(fields),
        "envelope_sha256": b64u_encode(hashlib.sha256(envelope).digest()),
    }
