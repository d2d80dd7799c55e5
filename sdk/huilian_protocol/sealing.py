"""Sealing to a recipient by HPKE (RFC 9180), or its like of the SM algorithms, in a self-describing envelope.

The ``info`` object says what the sealed bytes are for and is bound to the ciphertext: whoever opens it must name the
same use, consent, fields, recipient and request. ``cryptography``'s HPKE has no AAD, so everything goes through
``info``.

Suites: ``xwing`` (ML-KEM-768 with X25519, HKDF-SHA256, AES-256-GCM; recorded traffic stays safe from a later quantum
computer), ``x25519`` (DHKEM X25519, HKDF-SHA256, AES-256-GCM) and ``sm`` (SM2, SM3 and SM4-GCM, `sm.py`; needs the
extra ``sm``). A private key is 32 bytes in all: the X25519 or SM2 scalar, or the X-Wing seed of
draft-connolly-cfrg-xwing-kem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from huilian_protocol import sm
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.strict import object_with, text_at

__all__ = [
    "KeyPair",
    "OpeningKey",
    "SealingKey",
    "Suite",
    "generate_keypair",
    "key_id",
    "open_sealed",
    "payload_info",
    "public_key_of",
    "registration_info",
    "seal",
    "sealed_to",
    "subject_info",
]

TYPE = "huilian-sealed/v1"
MAX_ENVELOPE_BYTES = 4 * 1024 * 1024
_MLKEM_PUBLIC_BYTES = 1184
_SEED_BYTES = 32
# Expanding an X-Wing key costs more than using it, and a process seals and opens with the same few again and again.
REMEMBERED_KEYS = 64


class Suite(StrEnum):
    """The sealing suites by their names on the wire."""

    XWING = "xwing"
    X25519 = "x25519"
    SM = "sm"

    def is_available(self) -> bool:
        """Whether its library is installed."""
        try:
            return self.require() is self
        except sm.SuiteUnavailable:
            return False

    def require(self) -> Suite:
        """This suite. Raises :class:`huilian_protocol.sm.SuiteUnavailable` where its library is not installed."""
        if self is Suite.SM:
            sm.require()
        return self


# What opens envelopes: a private key, or whoever knows the private key of each key id (SEALED_DATA_INVALID if none), as
# after a rotation.
OpeningKey = bytes | Callable[[str], bytes]


class KeyPair(NamedTuple):
    """A sealing key pair as raw bytes."""

    private: bytes
    public: bytes


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A public key to which data can be sealed, as trust files and key sets state it."""

    suite: Suite
    public_key: bytes

    @property
    def id(self) -> str:
        """The key's id (:func:`key_id`)."""
        return key_id(self.public_key)

    def to_dict(self) -> dict[str, str]:
        """The JSON form: suite and public key in base64url."""
        return {"public_key": b64u_encode(self.public_key), "suite": self.suite.value}

    @staticmethod
    def from_dict(raw: Any) -> SealingKey:
        """Read the JSON form. Raises ``ValueError`` for another form and for a key that does not fit the suite."""
        value = object_with(raw, ["public_key", "suite"], "sealing key")
        key = SealingKey(Suite(value["suite"]), b64u_decode(text_at(value, "public_key", most=2048)))
        _check_public(key.suite, key.public_key)
        return key


_HPKE = {
    Suite.XWING: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    Suite.X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


def generate_keypair(suite: Suite) -> KeyPair:
    """A fresh key pair; the randomness is the operating system's, as everything in HPKE."""
    private = sm.generate_private() if suite is Suite.SM else x25519.X25519PrivateKey.generate().private_bytes_raw()
    return KeyPair(private, public_key_of(suite, private))


@lru_cache(REMEMBERED_KEYS)
def public_key_of(suite: Suite, private_key: bytes) -> bytes:
    """The public key of a 32-byte private key: 32 bytes for x25519, 65 for sm, 1216 for xwing.

    Raises ``ValueError`` for a key that does not fit the suite.
    """
    if suite is Suite.SM:
        return sm.public_of(private_key)
    if suite is Suite.X25519:
        return _x25519_private(private_key).public_key().public_bytes_raw()
    mlkem_key, x25519_key = _xwing_parts(private_key)
    return mlkem_key.public_key().public_bytes_raw() + x25519_key.public_key().public_bytes_raw()


@lru_cache(REMEMBERED_KEYS)
def key_id(public_key: bytes) -> str:
    """The id of a sealing key: base64url of the SHA-256 of its public bytes."""
    return b64u_encode(hashlib.sha256(public_key).digest())


def seal(suite: Suite, public_key: bytes, info: Mapping[str, Any], plaintext: bytes) -> bytes:
    """Seal ``plaintext`` to ``public_key`` for the use that ``info`` states; the envelope is canonical JSON.

    Raises ``ValueError`` for a public key that does not fit the suite, and
    :class:`huilian_protocol.sm.SuiteUnavailable`.
    """
    bound = canonicalise(dict(info))
    if suite is Suite.SM:
        sealed = sm.seal_to(public_key, bound, plaintext)
    else:
        sealed = _HPKE[suite].encrypt(plaintext, _public(suite, public_key), bound)
    envelope = {"ciphertext": b64u_encode(sealed), "key_id": key_id(public_key), "suite": suite.value, "type": TYPE}
    return canonicalise(envelope)


def open_sealed(envelope: bytes, private_key: OpeningKey, info: Mapping[str, Any]) -> bytes:
    """The plaintext of an envelope sealed to ``private_key`` for the use that ``info`` states.

    Raises :class:`HuilianError` SEALED_DATA_INVALID for a malformed envelope, another key, another use or a changed
    ciphertext.
    """
    suite, named_key, ciphertext = _parse(envelope)
    if callable(private_key):
        private_key = private_key(named_key)
    try:
        if key_id(public_key_of(suite, private_key)) != named_key:
            raise HuilianError("SEALED_DATA_INVALID", "sealed to another key")
        bound = canonicalise(dict(info))
        if suite is Suite.SM:
            return sm.open_with(private_key, bound, ciphertext)
        return _HPKE[suite].decrypt(ciphertext, _private(suite, private_key), bound)
    except (InvalidTag, ValueError) as error:
        raise HuilianError("SEALED_DATA_INVALID", "does not open with this key for this use") from error


def sealed_to(envelope: bytes) -> tuple[Suite, str]:
    """In which suite and to the key of which id an envelope says that it is sealed. Raises as :func:`open_sealed`."""
    suite, named_key, _ = _parse(envelope)
    return suite, named_key


def payload_info(
    *,
    consent_sha256: bytes,
    purpose: str,
    dataset: str,
    fields: Sequence[str],
    recipient: str,
    request_id: str,
) -> dict[str, Any]:
    """The ``info`` of a data payload: artefact hash, purpose code, dataset, fields (sorted), recipient id and request
    id.
    """
    return {
        "consent_sha256": b64u_encode(consent_sha256),
        "dataset": dataset,
        "fields": sorted(fields),
        "purpose": purpose,
        "recipient": recipient,
        "request_id": request_id,
        "use": "payload",
    }


def subject_info(*, consent_id: str, subject: str, agency: str) -> dict[str, Any]:
    """The ``info`` of a person's name, resident ID and salt sealed to an agency under one consent."""
    return {"agency": agency, "consent_id": consent_id, "subject": subject, "use": "subject"}


def registration_info(*, authority: str) -> dict[str, Any]:
    """The ``info`` of a registration sealed to the identity authority."""
    return {"authority": authority, "use": "registration"}


def _parse(envelope: bytes) -> tuple[Suite, str, bytes]:
    try:
        if len(envelope) > MAX_ENVELOPE_BYTES:
            raise ValueError("too large")
        value = parse_canonical(envelope)
        if (
            not isinstance(value, dict)
            or set(value) != {"ciphertext", "key_id", "suite", "type"}
            or value["type"] != TYPE
        ):
            raise ValueError("not a sealed envelope")
        return Suite(value["suite"]), str(value["key_id"]), b64u_decode(value["ciphertext"])
    except (ValueError, TypeError) as error:
        raise HuilianError("SEALED_DATA_INVALID", f"envelope: {error}") from error


def _x25519_private(private_key: bytes) -> x25519.X25519PrivateKey:
    return x25519.X25519PrivateKey.from_private_bytes(private_key)


def _xwing_parts(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    if len(seed) != _SEED_BYTES:
        raise ValueError("an X-Wing private key is a seed of 32 bytes")
    expanded = hashlib.shake_256(seed).digest(96)
    return mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), _x25519_private(expanded[64:])


@lru_cache(REMEMBERED_KEYS)
def _private(suite: Suite, private_key: bytes) -> x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey:
    if suite is Suite.X25519:
        return _x25519_private(private_key)
    return hpke.MLKEM768X25519PrivateKey(*_xwing_parts(private_key))


def _check_public(suite: Suite, public_key: bytes) -> None:
    """Raise ValueError for a key that does not fit."""
    if suite is Suite.SM:
        sm.check_public(public_key)
    else:
        _public(suite, public_key)


@lru_cache(REMEMBERED_KEYS)
def _public(suite: Suite, public_key: bytes) -> x25519.X25519PublicKey | hpke.MLKEM768X25519PublicKey:
    if suite is Suite.X25519:
        return x25519.X25519PublicKey.from_public_bytes(public_key)
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC_BYTES]),
        x25519.X25519PublicKey.from_public_bytes(public_key[_MLKEM_PUBLIC_BYTES:]),
    )
