"""The identity authority binds keys of people it knows, and tells relying parties nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import check_identity, verify_binding
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.jose import public_key_to_jwk, thumbprint
from huilian_protocol.sealing import registration_info, seal

from connectors.authorities.identity_authority.register import AUTHORITY_ID, IdentityAuthority, load_authority_keys
from connectors.kit.keys import SEALING_SUITE
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SALT = b"s" * 32
DEVICE = ec.generate_private_key(ec.SECP256R1()).public_key()


@pytest.fixture
def authority(tmp_path: Path) -> IdentityAuthority:
    return IdentityAuthority(load_authority_keys(tmp_path), FixedClock(NOW))


def sealed(authority: IdentityAuthority, name: str, number: str, salt: bytes = SALT, to: str = AUTHORITY_ID) -> bytes:
    content = Identity(name, number, salt).to_bytes()
    return seal(SEALING_SUITE, authority.keys.sealing.public, registration_info(authority=to), content)


def test_a_known_person_gets_a_binding(authority: IdentityAuthority) -> None:
    person = DEMO_BORROWER
    token = authority.bind_device_key(sealed(authority, person.name, person.resident_id), DEVICE, "hub.one")
    key = authority.keys.signing.public_key()
    binding = verify_binding(token, {thumbprint(key): key}, NOW)
    check_identity(binding, person.name, person.resident_id, SALT)
    assert public_key_to_jwk(binding.device_key) == public_key_to_jwk(DEVICE)
    assert binding.subject == authority.network_number("hub.one", person.resident_id)
    assert person.resident_id not in token and person.name not in token


def test_network_numbers_are_stable_and_differ_between_relying_parties(authority: IdentityAuthority) -> None:
    one, other = (authority.network_number(party, DEMO_BORROWER.resident_id) for party in ("hub.one", "hub.two"))
    assert one != other
    assert one == authority.network_number("hub.one", DEMO_BORROWER.resident_id)
    assert one != authority.network_number("hub.one", DEMO_GAP.resident_id)


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    first, second = (IdentityAuthority(load_authority_keys(tmp_path), FixedClock(NOW)) for _ in range(2))
    assert first.keys.sealing == second.keys.sealing
    assert first.network_number("a", "b") == second.network_number("a", "b")
    assert (tmp_path / "network.secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        (DEMO_BORROWER.name, DEMO_BORROWER.resident_id[:-1] + "0", "RESIDENT_ID_MALFORMED"),
        (DEMO_BORROWER.name, "11010519900230998X", "RESIDENT_ID_MALFORMED"),
        (DEMO_BORROWER.name, "1", "RESIDENT_ID_MALFORMED"),
        (DEMO_BORROWER.name, f" {DEMO_BORROWER.resident_id}", "RESIDENT_ID_MALFORMED"),
        (DEMO_GAP.name, DEMO_BORROWER.resident_id, "PERSON_NOT_VERIFIED"),
        ("无名氏", "110101199003070000"[:17] + "9", "RESIDENT_ID_MALFORMED"),
        ("无名氏", "11010119900307109X", "PERSON_NOT_VERIFIED"),
    ],
)
def test_others_are_refused(authority: IdentityAuthority, name: str, number: str, code: str) -> None:
    with pytest.raises(HuilianError) as refusal:
        authority.bind_device_key(sealed(authority, name, number), DEVICE, "hub.one")
    assert refusal.value.code == code
    assert number not in str(refusal.value)


def test_a_short_salt_and_another_use_are_refused(authority: IdentityAuthority) -> None:
    person = DEMO_BORROWER
    for envelope in (
        sealed(authority, person.name, person.resident_id, b"short"),
        sealed(authority, person.name, person.resident_id, to="another_authority"),
        b"{}",
    ):
        with pytest.raises(HuilianError, match="SEALED_DATA_INVALID"):
            authority.bind_device_key(envelope, DEVICE, "hub.one")
