"""Actions in a person's name: what is committed to, sealed and signed when somebody pays a fine for her.

The parameters of an action (which fine, how much) are for the agency only. They travel sealed to it together with a
salt; the person signs their commitment inside the artefact, so that neither hub nor recipient can pay something else,
and nobody else can tell from the consent what was paid. The seal names the request id: a hub that repeats the sealed
parameters under an id of its own gets nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import bytes_at, object_with

__all__ = ["ActionParameters", "commit_parameters", "parameters_info", "result_info", "sign_result", "verify_result"]

TYP = "huilian-action+jwt"
SALT_BYTES = 32
MAX_PARAMETERS_BYTES = 8_192


@dataclass(frozen=True, slots=True, repr=False)
class ActionParameters:
    """Parameters with the salt of 32 random bytes that hides them in their commitment. Shows itself to no log."""

    values: Mapping[str, Any]
    salt: bytes

    def __repr__(self) -> str:
        return "ActionParameters(***)"

    def to_bytes(self) -> bytes:
        """The canonical JSON that is sealed to the agency."""
        return canonicalise(self._to_dict())

    @classmethod
    def from_bytes(cls, data: bytes) -> ActionParameters:
        """Read what was sealed; ValueError when it is malformed, without quoting it."""
        if len(data) > MAX_PARAMETERS_BYTES:
            raise ValueError("too large")
        value = object_with(parse_canonical(data), ["parameters", "salt"], "parameters")
        if not isinstance(value["parameters"], dict):
            raise ValueError("parameters are no object")
        return cls(value["parameters"], bytes_at(value, "salt", SALT_BYTES))

    def _to_dict(self) -> dict[str, Any]:
        return {"parameters": dict(self.values), "salt": b64u_encode(self.salt)}


def commit_parameters(parameters: ActionParameters) -> str:
    """What the artefact's action names: base64url of SHA-256 over the canonical parameters and salt."""
    return b64u_encode(sha256_canonical(parameters._to_dict()))


def parameters_info(*, action: str, agency: str, consent_id: str, request_id: str, subject: str) -> dict[str, Any]:
    """The ``info`` of parameters sealed to an agency for one request under one consent."""
    return {
        "action": action,
        "agency": agency,
        "consent_id": consent_id,
        "request_id": request_id,
        "subject": subject,
        "use": "action_parameters",
    }


def result_info(*, consent_sha256: bytes, purpose: str, action: str, recipient: str, request_id: str) -> dict[str, Any]:
    """The ``info`` of a result sealed to the recipient."""
    return {
        "action": action,
        "consent_sha256": b64u_encode(consent_sha256),
        "purpose": purpose,
        "recipient": recipient,
        "request_id": request_id,
        "use": "action_result",
    }


def sign_result(
    edge_key: ec.EllipticCurvePrivateKey, *, request_id: str, consent_sha256: bytes, action: str, envelope: bytes
) -> str:
    """The edge's signature over one sealed result; the ``kid`` is the key's thumbprint."""
    claims = _claims(request_id, consent_sha256, action, envelope)
    return sign_jws(edge_key, claims, TYP, thumbprint(edge_key.public_key()))


def verify_result(
    token: str,
    edge_keys: Mapping[str, ec.EllipticCurvePublicKey],
    *,
    request_id: str,
    consent_sha256: bytes,
    action: str,
    envelope: bytes,
) -> None:
    """Check that one of the edge's keys (by ``kid``) signed exactly this result.

    Raises :class:`HuilianError` PROVIDER_FAULT.
    """
    signed = verify_jws(token, edge_keys, TYP, code="PROVIDER_FAULT")
    if signed != _claims(request_id, consent_sha256, action, envelope):
        raise HuilianError("PROVIDER_FAULT", "the edge signed another result")


def _claims(request_id: str, consent_sha256: bytes, action: str, envelope: bytes) -> dict[str, Any]:
    return {
        "action": action,
        "consent_sha256": b64u_encode(consent_sha256),
        "envelope_sha256": b64u_encode(hashlib.sha256(envelope).digest()),
        "request_id": request_id,
    }
