"""ES256 in compact JWS (RFC 7515), keys as JWK (RFC 7517) and their thumbprints (RFC 7638).

Only ES256 over P-256 exists here, the header's ``typ`` is always checked (RFC 8725 section 3.11) so that a token for
one use is no token for another, and header and payload are canonical JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError

__all__ = [
    "Jwk",
    "jwk_thumbprint",
    "jwk_to_public_key",
    "jwks_to_keys",
    "keys_to_jwks",
    "public_key_to_jwk",
    "read_jws_of",
    "sign_jws",
    "thumbprint",
    "verify_jws",
    "verify_jws_of",
]

Jwk = dict[str, str]
MAX_TOKEN_CHARS = 16_384
# Readings (never results of a check) that are kept: a process meets the same few headers and keys again and again.
_REMEMBERED = 64
_SIZE = 32
_ES256 = ec.ECDSA(hashes.SHA256())
# RFC 6979: the same payload gives the same token, and no weak random number can leak the key.
_ES256_SIGN = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def sign_jws(private_key: ec.EllipticCurvePrivateKey, payload: Mapping[str, Any], typ: str, kid: str) -> str:
    """A compact JWS of ``payload`` with the header ``{alg: ES256, kid, typ}``."""
    header = canonicalise({"alg": "ES256", "kid": kid, "typ": typ})
    signing_input = f"{b64u_encode(header)}.{b64u_encode(canonicalise(dict(payload)))}"
    r, s = decode_dss_signature(private_key.sign(signing_input.encode("ascii"), _ES256_SIGN))
    return f"{signing_input}.{b64u_encode(r.to_bytes(_SIZE, 'big') + s.to_bytes(_SIZE, 'big'))}"


def verify_jws(
    token: str,
    keys: Mapping[str, ec.EllipticCurvePublicKey],
    typ: str,
    *,
    code: str = "UNAUTHENTICATED",
) -> dict[str, Any]:
    """The payload of a JWS that one of ``keys`` (by ``kid``) signed for the use ``typ``.

    Raises :class:`HuilianError` with ``code`` for a malformed token, an unknown key, another use or a wrong signature.
    Times in the payload are the caller's to check.
    """
    try:
        signed = _read(token, keys, typ)
        signed.verify()
        payload = parse_canonical(b64u_decode(signed.payload))
        if not isinstance(payload, dict):
            raise ValueError("payload is not an object")
        return payload
    except (ValueError, InvalidSignature) as error:
        raise HuilianError(code, f"{typ}: {error or 'wrong signature'}") from error


def verify_jws_of(
    token: str,
    payload: Mapping[str, Any],
    keys: Mapping[str, ec.EllipticCurvePublicKey],
    typ: str,
    *,
    code: str = "UNAUTHENTICATED",
) -> None:
    """The same where it is known what must have been signed; another payload raises like all else that is wrong."""
    read_jws_of(token, canonicalise(dict(payload)), keys, typ, code=code)()


def read_jws_of(
    token: str,
    payload: bytes,
    keys: Mapping[str, ec.EllipticCurvePublicKey],
    typ: str,
    *,
    code: str = "UNAUTHENTICATED",
) -> Callable[[], None]:
    """:func:`verify_jws_of` a payload in its canonical form, up to the signature: what is returned verifies that, which
    takes longer than all the rest, and raises in the same way.
    """
    try:
        signed = _read(token, keys, typ)
        if signed.payload != b64u_encode(payload):
            raise ValueError("the signature is over something else")
    except ValueError as error:
        raise HuilianError(code, f"{typ}: {error}") from error

    def verify() -> None:
        try:
            signed.verify()
        except InvalidSignature as error:
            raise HuilianError(code, f"{typ}: wrong signature") from error

    return verify


class _Signed(NamedTuple):
    """A token taken apart."""

    payload: str
    key: ec.EllipticCurvePublicKey
    signature: bytes
    data: bytes

    def verify(self) -> None:
        """Raises ``InvalidSignature``."""
        self.key.verify(self.signature, self.data, _ES256)


def _read(token: str, keys: Mapping[str, ec.EllipticCurvePublicKey], typ: str) -> _Signed:
    """A token whose header holds; its payload is still encoded, and its signature not verified."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN_CHARS or len(parts) != 3:
        raise ValueError("not a compact JWS")
    header_part, payload_part, signature_part = parts
    algorithm, kid, use = _read_header(header_part)
    if algorithm != "ES256" or use != typ:
        raise ValueError("wrong algorithm or use")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise ValueError("unknown key")
    signed = f"{header_part}.{payload_part}".encode("ascii")
    return _Signed(payload_part, key, _der(b64u_decode(signature_part)), signed)


@lru_cache(_REMEMBERED)
def _read_header(encoded: str) -> tuple[Any, Any, Any]:
    header = parse_canonical(b64u_decode(encoded))
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"}:
        raise ValueError("unexpected header")
    return header["alg"], header["kid"], header["typ"]


def _der(signature: bytes) -> bytes:
    if len(signature) != 2 * _SIZE:
        raise ValueError("signature has a wrong length")
    return encode_dss_signature(int.from_bytes(signature[:_SIZE], "big"), int.from_bytes(signature[_SIZE:], "big"))


def public_key_to_jwk(public_key: ec.EllipticCurvePublicKey) -> Jwk:
    """The JWK of a P-256 public key with its required members only. Raises ``ValueError`` for another curve."""
    if not isinstance(public_key.curve, ec.SECP256R1):
        raise ValueError("not a P-256 key")
    numbers = public_key.public_numbers()
    x, y = (b64u_encode(value.to_bytes(_SIZE, "big")) for value in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def jwk_to_public_key(jwk: Any) -> ec.EllipticCurvePublicKey:
    """The P-256 public key of a JWK. Raises ``ValueError`` for any other or malformed key; members beyond the key are
    ignored.
    """
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ValueError("not a JWK of a P-256 key")
    x, y = jwk.get("x"), jwk.get("y")
    if not isinstance(x, str) or not isinstance(y, str):
        raise ValueError("JWK without coordinates")
    return _read_point(x, y)


@lru_cache(_REMEMBERED)
def _read_point(x: str, y: str) -> ec.EllipticCurvePublicKey:
    raw = b64u_decode(x), b64u_decode(y)
    if any(len(part) != _SIZE for part in raw):
        raise ValueError("JWK coordinate of a wrong length")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw[0] + raw[1])


def thumbprint(public_key: ec.EllipticCurvePublicKey) -> str:
    """The RFC 7638 SHA-256 thumbprint of a P-256 key; used as its ``kid`` everywhere."""
    return jwk_thumbprint(public_key_to_jwk(public_key))


def jwk_thumbprint(jwk: Jwk) -> str:
    """The same of a P-256 key's JWK; members beyond the required ones do not count (section 3.2)."""
    return _thumbprint(jwk["x"], jwk["y"])


@lru_cache(_REMEMBERED)
def _thumbprint(x: str, y: str) -> str:
    return b64u_encode(hashlib.sha256(canonicalise({"crv": "P-256", "kty": "EC", "x": x, "y": y})).digest())


def keys_to_jwks(keys: Iterable[ec.EllipticCurvePublicKey]) -> dict[str, list[Jwk]]:
    """A JWK set in which each key's ``kid`` is its thumbprint."""
    return {"keys": [{**public_key_to_jwk(key), "alg": "ES256", "kid": thumbprint(key), "use": "sig"} for key in keys]}


def jwks_to_keys(jwks: Any) -> dict[str, ec.EllipticCurvePublicKey]:
    """The keys of a JWK set by ``kid``. Raises ``ValueError`` if one is malformed or has another ``kid`` than its
    thumbprint.
    """
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise ValueError("not a JWK set")
    keys = {}
    for jwk in jwks["keys"]:
        key = jwk_to_public_key(jwk)
        if jwk.get("kid") != thumbprint(key):
            raise ValueError("a key's kid is not its thumbprint")
        keys[jwk["kid"]] = key
    return keys
