"""Sealing with the algorithms of GB/T 32918.4 (SM2 encryption), GB/T 32905 (SM3) and GB/T 32907 (SM4).

A fresh 32-byte secret is encrypted to the recipient by SM2. From it, the wrapped secret, the recipient's public key and
``info`` the key derivation of GB/T 32918.4 section 5.4.3 (SM3 in counter mode) takes an SM4 key and a nonce, and
SM4-GCM (GB/T 36624) encrypts with ``info`` as additional data. So the ciphertext opens for the same use only.

The wire form is the SM2 ciphertext as the standard writes it, ``C1 || C3 || C2`` (129 bytes: point, digest, secret),
then the SM4-GCM ciphertext with its tag.

The algorithms are Tongsuo's, through ``tongsuopy``: the optional extra ``sm``. Without it every use of the suite raises
:class:`SuiteUnavailable`.
"""

from __future__ import annotations

import os
from typing import Any

from Crypto.Util.asn1 import DerOctetString, DerSequence

from huilian_protocol.errors import HuilianError

__all__ = [
    "PUBLIC_BYTES",
    "SuiteUnavailable",
    "check_public",
    "generate_private",
    "open_with",
    "public_of",
    "require",
    "seal_to",
]

PUBLIC_BYTES = 65
"""An uncompressed point: 0x04, then x and y of 32 bytes each."""

# GB/T 32918.5: the field, the curve y^2 = x^3 - 3x + b, and the order of its points.
_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_CONTEXT = b"huilian-sm/v1"
_SECRET_BYTES, _KEY_BYTES, _NONCE_BYTES, _DIGEST_BYTES = 32, 16, 12, 32
_WRAPPED_BYTES = PUBLIC_BYTES + _DIGEST_BYTES + _SECRET_BYTES


class SuiteUnavailable(HuilianError):
    """The suite ``sm`` was asked for where its library is not installed; the message names the extra to install."""

    def __init__(self) -> None:
        super().__init__("INVALID_ARGUMENT", "the suite sm needs the extra huilian[sm] (tongsuopy)", field="suite")


def require() -> None:
    """Raise :class:`SuiteUnavailable` unless the library is installed."""
    _load()


def generate_private() -> bytes:
    """A fresh private key: 32 bytes, a scalar from 1 to n - 2 (GB/T 32918.1 section 6.1)."""
    while True:
        private = os.urandom(32)
        if 0 < int.from_bytes(private) < _ORDER - 1:
            return private


def public_of(private: bytes) -> bytes:
    """The public key of a private key. Raises ``ValueError`` for what is none and :class:`SuiteUnavailable`."""
    serialization = _load().serialization
    point = _private(private).public_key()
    encoded: bytes = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return encoded


def check_public(public: bytes) -> None:
    """Raise ``ValueError`` unless these bytes are a point of the curve in uncompressed form.

    Plain arithmetic: trust files that name a key of this suite can be read without the library.
    """
    if len(public) != PUBLIC_BYTES or public[0] != 4:
        raise ValueError("a point of the SM2 curve has 65 bytes in uncompressed form")
    x, y = int.from_bytes(public[1:33]), int.from_bytes(public[33:])
    if x >= _P or y >= _P or (y * y - (x * x - 3) * x - _B) % _P:
        raise ValueError("not a point of the SM2 curve")


def seal_to(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Seal to a public key for the use that ``info`` states. Raises ``ValueError`` for a key that is none."""
    secret = os.urandom(_SECRET_BYTES)
    wrapped = _from_der(_sm2(_public(public), "encrypt", secret))
    key, nonce = _derive(secret, wrapped, public, info)
    sealed: bytes = _load().aead.SM4GCM(key).encrypt(nonce, plaintext, info)
    return wrapped + sealed


def open_with(private: bytes, info: bytes, sealed: bytes) -> bytes:
    """Open what was sealed to this key for this use. Raises ``ValueError`` for anything else."""
    wrapped, ciphertext = sealed[:_WRAPPED_BYTES], sealed[_WRAPPED_BYTES:]
    secret = _sm2(_private(private), "decrypt", _to_der(wrapped))
    key, nonce = _derive(secret, wrapped, public_of(private), info)
    tongsuo = _load()
    try:
        plaintext: bytes = tongsuo.aead.SM4GCM(key).decrypt(nonce, ciphertext, info)
    except tongsuo.InvalidTag as error:
        raise ValueError("the tag does not verify") from error
    return plaintext


def _derive(secret: bytes, wrapped: bytes, public: bytes, info: bytes) -> tuple[bytes, bytes]:
    """KDF of GB/T 32918.4: SM3(Z || counter) for counters from 1, here over fixed-length parts."""
    bound = secret + _sm3(_CONTEXT + b"\0" + _sm3(wrapped) + _sm3(public) + _sm3(info))
    stream = b"".join(_sm3(bound + counter.to_bytes(4)) for counter in (1, 2))
    return stream[:_KEY_BYTES], stream[_DIGEST_BYTES : _DIGEST_BYTES + _NONCE_BYTES]


def _from_der(encoded: bytes) -> bytes:
    """The standard's form of what the library gives as ASN.1 (GB/T 35276 section 7.2)."""
    decoded: Any = DerSequence().decode(encoded)
    parts = list(decoded)
    strings = [DerOctetString().decode(part).payload for part in parts[2:]]
    return b"\x04" + int(parts[0]).to_bytes(32) + int(parts[1]).to_bytes(32) + b"".join(strings)


def _to_der(wrapped: bytes) -> bytes:
    check_public(wrapped[:PUBLIC_BYTES])
    x, y = int.from_bytes(wrapped[1:33]), int.from_bytes(wrapped[33:PUBLIC_BYTES])
    digest, masked = wrapped[PUBLIC_BYTES : PUBLIC_BYTES + _DIGEST_BYTES], wrapped[PUBLIC_BYTES + _DIGEST_BYTES :]
    encoded: bytes = DerSequence([x, y, DerOctetString(digest), DerOctetString(masked)]).encode()
    return encoded


def _sm3(data: bytes) -> bytes:
    hashes = _load().hashes
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    value: bytes = digest.finalize()
    return value


def _sm2(key: Any, operation: str, data: bytes) -> bytes:
    """SM2 encryption or decryption: ``tongsuopy`` 1.0.1 binds the library's function but has no method for it yet."""
    backend = _load().backend
    lib, ffi = backend._lib, backend._ffi
    context = ffi.gc(lib.EVP_PKEY_CTX_new(key._evp_pkey, ffi.NULL), lib.EVP_PKEY_CTX_free)
    begin, run = getattr(lib, f"EVP_PKEY_{operation}_init"), getattr(lib, f"EVP_PKEY_{operation}")
    backend.openssl_assert(begin(context) == 1)
    size = ffi.new("size_t *")
    done = run(context, ffi.NULL, size, data, len(data)) == 1
    if done:
        buffer = ffi.new("unsigned char[]", size[0])
        done = run(context, buffer, size, data, len(data)) == 1
    if not done:
        backend._consume_errors()
        raise ValueError(f"SM2 does not {operation} this")
    return bytes(ffi.buffer(buffer)[: size[0]])


def _private(private: bytes) -> Any:
    value = int.from_bytes(private)
    if len(private) != 32 or not 0 < value < _ORDER - 1:
        raise ValueError("an SM2 private key is a scalar of 32 bytes below n - 1")
    curves = _load().ec
    return curves.derive_private_key(value, curves.SM2())


def _public(public: bytes) -> Any:
    check_public(public)
    curves = _load().ec
    return curves.EllipticCurvePublicKey.from_encoded_point(curves.SM2(), public)


class _Tongsuo:
    """The parts of the library that are used; imported on first use, since it is optional and takes a while."""

    def __init__(self) -> None:
        try:
            from tongsuopy.backends.tongsuo import backend
            from tongsuopy.crypto import hashes, serialization
            from tongsuopy.crypto.asymciphers import ec
            from tongsuopy.crypto.ciphers import aead
            from tongsuopy.crypto.exceptions import InvalidTag
        except ImportError as error:
            raise SuiteUnavailable from error
        self.backend, self.hashes, self.serialization = backend, hashes, serialization
        self.ec, self.aead, self.InvalidTag = ec, aead, InvalidTag


_loaded: list[_Tongsuo] = []


def _load() -> _Tongsuo:
    if not _loaded:
        _loaded.append(_Tongsuo())
    return _loaded[0]
