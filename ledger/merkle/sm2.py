"""SM2 signatures with SM3 (GB/T 32918, GB/T 32905) by `tongsuopy`, which is an optional extra.

Loaded at first use: who pins no SM2 key needs no SM library. Signatures are r and s in 32 bytes each; the signer's id
is the standard's default, "1234567812345678" (GB/T 35276).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

_SIZE = 32


class Sm2Missing(RuntimeError):
    """This machine has no SM library; the text names the extra."""


class PrivateKey:
    """An SM2 key that signs."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key from a number below the order of the curve, big-endian. Raises `Sm2Missing`."""
        ec = _library()
        self._key: Any = ec.derive_private_key(int.from_bytes(secret), ec.SM2())
        numbers = self._key.public_key().public_numbers()
        self.public_key: bytes = b"\x04" + numbers.x.to_bytes(_SIZE) + numbers.y.to_bytes(_SIZE)

    def sign(self, data: bytes) -> bytes:
        """Return r and s."""
        r, s = decode_dss_signature(self._key.sign(data, _algorithm()))
        return r.to_bytes(_SIZE) + s.to_bytes(_SIZE)


def verifies(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether r and s are this key's signature on the data. Raises `Sm2Missing`."""
    ec = _library()
    encoded = encode_dss_signature(int.from_bytes(signature[:_SIZE]), int.from_bytes(signature[_SIZE:]))
    try:
        point: Any = ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), public_key)
        point.verify(encoded, data, _algorithm())
    except Exception as error:
        # The library has exceptions of its own for wrong points and signatures; anything else must be seen.
        if isinstance(error, ValueError) or type(error).__name__ == "InvalidSignature":
            return False
        raise
    return True


def _algorithm() -> Any:
    from tongsuopy.crypto import hashes

    return _library().ECDSA(hashes.SM3())


def _library() -> ModuleType:
    try:
        from tongsuopy.crypto.asymciphers import ec
    except ImportError as error:
        raise Sm2Missing("SM2 签名需要可选组件 SM2 signatures need the extra `sm`: pip install tongsuopy") from error
    module: ModuleType = ec
    return module
