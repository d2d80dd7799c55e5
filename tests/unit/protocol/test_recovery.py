"""Recovery of a signer's public key agrees with coincurve."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey, PublicKey
from huilian_protocol.recovery import ORDER, nonce_point_is_odd, recover_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

digests = st.binary(min_size=32, max_size=32)


@given(digests, st.integers(1, ORDER - 1))
@settings(max_examples=50, deadline=None)
def test_the_signers_key_is_recovered(digest: bytes, secret: int) -> None:
    key = PrivateKey.from_int(secret)
    raw = key.sign_recoverable(digest, hasher=None)
    r, s, odd = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), bool(raw[64])
    assert recover_public_key(digest, r, s, odd=odd) == key.public_key.point()
    assert nonce_point_is_odd(digest, r, s, key.public_key.point()) is odd
    assert recover_public_key(digest, r, s, odd=not odd) != key.public_key.point()


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (5, 1)])
def test_what_no_key_can_have_signed_is_refused(r: int, s: int) -> None:
    """5 is no point's x: 5^3 + 7 is no square."""
    with pytest.raises(ValueError):
        recover_public_key(bytes(32), r, s, odd=False)


@given(st.binary(min_size=64, max_size=64), st.booleans(), digests)
@settings(max_examples=100, deadline=None)
def test_arbitrary_signatures_give_what_libsecp256k1_gives(signature: bytes, odd: bool, digest: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        expected = PublicKey.from_signature_and_message(signature + bytes([odd]), digest, hasher=None).point()
    except Exception:
        with pytest.raises(ValueError):
            recover_public_key(digest, r, s, odd=odd)
        return
    assert recover_public_key(digest, r, s, odd=odd) == expected
