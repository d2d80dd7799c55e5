"""Key bindings: only pinned authorities bind device keys, and only the right identity opens the commitment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import TYP, check_identity, commit_identity, verify_binding
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import public_key_to_jwk, sign_jws, thumbprint
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol import world
from tests.unit.protocol.world import AUTHORITY, NOW, STRANGER, TRUST, binding

KEYS = TRUST.identity_authority_keys


def refused(token: str) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_binding(token, KEYS, NOW)
    assert caught.value.code == "BINDING_INVALID"
    return caught.value.detail


def claims(**changes: Any) -> str:
    """A binding signed by the authority with odd claims; ``None`` leaves one out."""
    usual: dict[str, Any] = {
        "assurance": "IAL2",
        "cnf": {"jwk": public_key_to_jwk(world.DEVICE.public_key)},
        "exp": int(world.UNTIL.timestamp()),
        "iat": int(world.FROM.timestamp()),
        "identity_commitment": "A" * 43,
        "iss": "authority",
        "sub": world.SUBJECT,
    }
    kept = {name: value for name, value in (usual | changes).items() if value is not None}
    return sign_jws(AUTHORITY, kept, TYP, thumbprint(AUTHORITY.public_key()))


def test_a_binding_reads_back() -> None:
    bound = verify_binding(binding(), KEYS, NOW)
    assert (bound.subject, bound.assurance) == (world.SUBJECT, "IAL2")
    assert (bound.issued_at, bound.expires_at) == (world.FROM, world.UNTIL)
    assert bound.device_key == world.DEVICE.public_key
    check_identity(bound, world.NAME, world.RESIDENT_ID, world.SALT)


def test_the_binding_tells_nothing_of_the_person() -> None:
    bound = verify_binding(binding(), KEYS, NOW)
    guess = commit_identity(world.NAME, world.RESIDENT_ID, bytes(32))
    assert bound.identity_commitment != guess


@pytest.mark.parametrize(
    ("name", "resident_id", "salt"),
    [
        ("李四", world.RESIDENT_ID, world.SALT),
        (world.NAME, "110105194912310011", world.SALT),
        (world.NAME, world.RESIDENT_ID, bytes(32)),
        (world.NAME, world.RESIDENT_ID, b""),
    ],
)
def test_another_identity_is_refused(name: str, resident_id: str, salt: bytes) -> None:
    with pytest.raises(HuilianError) as caught:
        check_identity(verify_binding(binding(), KEYS, NOW), name, resident_id, salt)
    assert caught.value.code == "SUBJECT_MISMATCH"
    assert name not in str(caught.value) and resident_id not in str(caught.value)


@given(st.text(max_size=20), st.text(max_size=20))
def test_name_and_number_cannot_be_shifted_into_each_other(name: str, number: str) -> None:
    joined = name + number
    for cut in range(len(joined) + 1):
        other = joined[:cut], joined[cut:]
        same = commit_identity(*other, world.SALT) == commit_identity(name, number, world.SALT)
        assert same == (other == (name, number))


def test_a_hub_cannot_bind_a_key_of_its_own() -> None:
    assert "unknown key" in refused(binding(signer=world.HUB))
    assert "unknown key" in refused(binding(signer=STRANGER))


def test_expired_and_future_bindings_are_refused() -> None:
    assert refused(binding(expires_at=NOW)) == "expired"
    assert refused(binding(issued_at=NOW + timedelta(seconds=61))) == "issued in the future"
    verify_binding(binding(issued_at=NOW + timedelta(seconds=60)), KEYS, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"nonce": "x"},
        {"cnf": {}},
        {"cnf": "x"},
        {"cnf": {"jwk": {"kty": "EC"}}},
        {"identity_commitment": "AA"},
        {"identity_commitment": "=" * 43},
        {"exp": "1"},
        {"iat": True},
        {"exp": 10**15},
    ],
)
def test_odd_claims_are_refused(changes: dict[str, Any]) -> None:
    assert refused(claims(**changes)).startswith("claims: ")


def test_only_a_p256_device_key_can_be_bound() -> None:
    with pytest.raises(ValueError):
        binding(device_key=world.key(9, ec.SECP256K1()).public_key())
