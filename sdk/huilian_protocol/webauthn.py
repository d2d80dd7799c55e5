"""Checking WebAuthn assertions (W3C Web Authentication Level 2, section 7.2) with ES256 device keys.

Only what a relying party needs that already knows the key: the key itself comes from the identity authority's binding,
so there is no attestation here, and the signature counter is not used (synced passkeys do not count).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_decode, b64u_encode, parse_json
from huilian_protocol.errors import HuilianError

__all__ = ["Assertion", "verify_assertion"]

USER_PRESENT = 0x01
USER_VERIFIED = 0x04
EXTENSION_DATA = 0x80
_HEADER_BYTES = 37
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answers to ``navigator.credentials.get``; the signature is DER-encoded."""

    authenticator_data: bytes
    client_data_json: bytes
    signature: bytes

    def to_dict(self) -> dict[str, str]:
        """The JSON form: each part in base64url."""
        return {
            "authenticator_data": b64u_encode(self.authenticator_data),
            "client_data_json": b64u_encode(self.client_data_json),
            "signature": b64u_encode(self.signature),
        }

    @staticmethod
    def from_dict(value: Any) -> Assertion:
        """Read the JSON form. Raises ``ValueError`` if it is malformed."""
        names = ("authenticator_data", "client_data_json", "signature")
        if not isinstance(value, Mapping) or set(value) != set(names):
            raise ValueError("not an assertion")
        if not all(isinstance(value[name], str) for name in names):
            raise ValueError("an assertion's parts are base64url texts")
        return Assertion(*(b64u_decode(value[name]) for name in names))

    def client_data(self) -> dict[str, Any]:
        """The client data as an object; raises ``ValueError`` if it is none."""
        value = parse_json(self.client_data_json)
        if not isinstance(value, dict):
            raise ValueError("client data is no object")
        return value


def verify_assertion(
    assertion: Assertion,
    public_key: ec.EllipticCurvePublicKey,
    challenge: bytes,
    rp_id: str,
    origin: str,
) -> None:
    """Check that the owner of ``public_key``, present and verified, answered ``challenge`` at ``origin`` for ``rp_id``.

    Raises :class:`HuilianError` ASSERTION_INVALID and says in its detail what is wrong.
    """
    try:
        _check_client_data(assertion, challenge, origin)
        _check_authenticator_data(assertion.authenticator_data, rp_id)
        signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data_json).digest()
        public_key.verify(assertion.signature, signed, ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise HuilianError("ASSERTION_INVALID", str(error) or "wrong signature") from error


def _check_client_data(assertion: Assertion, challenge: bytes, origin: str) -> None:
    if max(len(assertion.client_data_json), len(assertion.authenticator_data)) > _MAX_BYTES:
        raise ValueError("assertion too large")
    client_data = assertion.client_data()
    if client_data.get("type") != "webauthn.get":
        raise ValueError("client data of another type")
    if client_data.get("challenge") != b64u_encode(challenge):
        raise ValueError("another challenge")
    if client_data.get("origin") != origin or client_data.get("crossOrigin", False) is not False:
        raise ValueError("another origin")


def _check_authenticator_data(data: bytes, rp_id: str) -> None:
    if len(data) < _HEADER_BYTES:
        raise ValueError("authenticator data too short")
    if data[:32] != hashlib.sha256(rp_id.encode("utf-8")).digest():
        raise ValueError("another relying party")
    flags = data[32]
    if not flags & USER_PRESENT or not flags & USER_VERIFIED:
        raise ValueError("the person was not present and verified")
    if len(data) > _HEADER_BYTES and not flags & EXTENSION_DATA:
        raise ValueError("authenticator data too long")
