"""A passkey in software: signs WebAuthn assertions with a P-256 key, for demos, tests and command lines.

A phone's secure element takes its place in production; what it makes is the same.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.jose import Jwk, public_key_to_jwk
from huilian_protocol.webauthn import USER_PRESENT, USER_VERIFIED, Assertion

from huilian_sdk._files import read_private, write_private

__all__ = ["SoftwareAuthenticator"]


class SoftwareAuthenticator:
    """One device key for one relying party (``rp_id``) at one web ``origin``."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey, *, rp_id: str, origin: str) -> None:
        self._private_key = private_key
        self._rp_id = rp_id
        self._origin = origin

    @classmethod
    def generate(cls, *, rp_id: str, origin: str) -> SoftwareAuthenticator:
        """A fresh device key."""
        return cls(ec.generate_private_key(ec.SECP256R1()), rp_id=rp_id, origin=origin)

    @classmethod
    def load(cls, path: Path | str, *, rp_id: str, origin: str, password: str | None = None) -> SoftwareAuthenticator:
        """Read a key that :meth:`save` wrote. Raises ``ValueError`` for another file or a wrong password."""
        secret = password.encode() if password else None
        try:
            key = serialization.load_pem_private_key(read_private(path), secret)
        except TypeError as error:
            raise ValueError(str(error)) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("not a P-256 private key")
        return cls(key, rp_id=rp_id, origin=origin)

    def save(self, path: Path | str, *, password: str | None = None) -> None:
        """Write the key as PKCS#8 PEM, readable by its owner only."""
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            protection = serialization.BestAvailableEncryption(password.encode())
        encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        write_private(path, self._private_key.private_bytes(encoding, kind, protection))

    @property
    def public_jwk(self) -> Jwk:
        """The device's public key, as it is registered."""
        return public_key_to_jwk(self._private_key.public_key())

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The device's public key."""
        return self._private_key.public_key()

    def sign(self, challenge: bytes) -> Assertion:
        """The assertion that the owner, present and verified, answers to ``challenge``."""
        client_data = json.dumps(
            {
                "type": "webauthn.get",
                "challenge": b64u_encode(challenge),
                "origin": self._origin,
                "crossOrigin": False,
            },
            separators=(",", ":"),
        ).encode("utf-8")
        flags = USER_PRESENT | USER_VERIFIED
        # The counter stays 0, as synced passkeys keep it (WebAuthn section 6.1.1).
        authenticator_data = hashlib.sha256(self._rp_id.encode("utf-8")).digest() + struct.pack(">BI", flags, 0)
        signed = authenticator_data + hashlib.sha256(client_data).digest()
        signature = self._private_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return Assertion(authenticator_data, client_data, signature)
