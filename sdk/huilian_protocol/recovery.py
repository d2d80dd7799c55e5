"""The public key behind a recoverable secp256k1 signature (Ethereum yellow paper, appendix F), by libsecp256k1.

``cryptography`` verifies ECDSA but says nothing of the nonce point's parity, which is what ``v`` states. A signature
from which a key recovers is a valid one under that key, with exactly this parity: there is nothing left to verify.
"""

from __future__ import annotations

import coincurve

__all__ = ["HALF_ORDER", "ORDER", "recover_public_key"]

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
HALF_ORDER = ORDER // 2


def recover_public_key(digest: bytes, r: int, s: int, *, odd: bool) -> bytes:
    """The public key (x and y, 32 bytes each) under which ``r, s`` is a valid signature of the 32-byte ``digest`` with
    a nonce point of this parity.

    Raises ``ValueError`` if there is none.
    """
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise ValueError("r or s out of range")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([odd])
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:
        # The library raises bare exceptions; all that is left to go wrong is that no such key exists.
        raise ValueError("r is no point's x, or no key") from error
    return key.format(compressed=False)[1:]
