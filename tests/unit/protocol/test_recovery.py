"""Recovery of a signer's public key: bounds, parity, and plain arithmetic on the curve that agrees."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from huilian_protocol.recovery import ORDER, recover_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

digests = st.binary(min_size=32, max_size=32)


@given(digests, st.integers(1, ORDER - 1))
@settings(max_examples=50, deadline=None)
def test_the_signers_key_is_recovered(digest: bytes, secret: int) -> None:
    key = PrivateKey.from_int(secret)
    raw = key.sign_recoverable(digest, hasher=None)
    r, s, odd = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), bool(raw[64])
    public = key.public_key.format(compressed=False)[1:]
    assert recover_public_key(digest, r, s, odd=odd) == public
    assert recover_public_key(digest, r, s, odd=not odd) != public


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (5, 1)])
def test_what_no_key_can_have_signed_is_refused(r: int, s: int) -> None:
    """5 is no point's x: 5^3 + 7 is no square."""
    with pytest.raises(ValueError):
        recover_public_key(bytes(32), r, s, odd=False)


@given(digests, st.integers(1, 2**256 - 1), st.integers(1, ORDER - 1), st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_recovers_verifies(digest: bytes, r: int, s: int, odd: bool) -> None:
    """Under the key that came out, another library takes the signature for valid: recovering is verifying."""
    try:
        point = recover_public_key(digest, r, s, odd=odd)
    except ValueError:
        return
    x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256K1()).public_key()
    key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
