"""The identity authority binds keys of people it knows, and tells relying parties nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import check_identity, verify_binding
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.guardianship import GuardianshipRequest, guardianship_info
from huilian_protocol.identity import Identity
from huilian_protocol.jose import jwks_to_keys, public_key_to_jwk, thumbprint
from huilian_protocol.sealing import Suite, registration_info, seal
from stdnum.cn import ric

from connectors.authorities.identity_authority.register import (
    AUTHORITY_ID,
    IdentityAuthority,
    load_authority_keys,
    published,
)
from connectors.authorities.identity_authority.sandbox import main
from connectors.kit.keys import SEALING_SUITE
from connectors.kit.sandbox_families import DEMO_CHILD, DEMO_GROWN_CHILD, Child, children
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_GAP, Person, population
from connectors.kit.sandbox_server import CHINA

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


def _bound(authority: IdentityAuthority, envelope: bytes) -> str:
    return authority.bind_device_key(envelope, DEVICE, "hub.one")


def test_its_keys_rotate_with_an_overlap(tmp_path: Path) -> None:
    """The ring moves on beside a process that serves; what was sealed or signed before still opens and verifies."""
    serving, command = IdentityAuthority(load_authority_keys(tmp_path), FixedClock(NOW)), load_authority_keys(tmp_path)
    person = DEMO_BORROWER
    before = sealed(serving, person.name, person.resident_id)
    old = _bound(serving, before)
    for purpose in ("signing", "sealing"):
        first = published(command)
        command.rotate(purpose)
        # Announced: trust files can name it, nothing is done with it.
        announced = published(command)
        assert announced != first
        command.rotate(purpose)
    keys = jwks_to_keys(published(command)["identity_authority_keys"])
    new = _bound(serving, sealed(serving, person.name, person.resident_id))
    assert _bound(serving, before), "sealed to the retired key"
    assert len(keys) == 2 and verify_binding(old, keys, NOW).subject == verify_binding(new, keys, NOW).subject
    present = {thumbprint(serving.keys.signing.public_key()): serving.keys.signing.public_key()}
    verify_binding(new, present, NOW)
    with pytest.raises(HuilianError, match="BINDING_INVALID"):
        verify_binding(old, present, NOW)


def test_the_command_takes_one_step_and_names_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUILIAN_STATE_DIR", str(tmp_path))
    assert main(["rotate", "signing"]) == 0
    assert len(json.loads(capsys.readouterr().out)["identity_authority_keys"]["keys"]) == 2
    for wrong in (["rotate", "log"], ["rotate"], ["turn", "signing"]):
        assert main(wrong) == 2
        assert capsys.readouterr().err.startswith("identity_authority: ")


def test_its_sealing_suite_is_a_setting(tmp_path: Path) -> None:
    keys = load_authority_keys(tmp_path, Suite.SM)
    assert published(keys)["identity_authority_sealing_keys"][0]["suite"] == "sm"
    person, info = DEMO_BORROWER, registration_info(authority=AUTHORITY_ID)
    identity = Identity(person.name, person.resident_id, SALT).to_bytes()
    assert _bound(IdentityAuthority(keys, FixedClock(NOW)), seal(Suite.SM, keys.sealing.public, info, identity))


def asked(authority: IdentityAuthority, child: Child, guardian: Person, **changes: Any) -> bytes:
    request = GuardianshipRequest(
        guardian=Identity(guardian.name, guardian.resident_id, SALT),
        ward=Identity(child.person.name, child.person.resident_id, b"w" * 32),
        grants=("social_insurance.card/v1",),
        purposes=("LOAN_APPLICATION",),
        valid_until=NOW + timedelta(days=30),
    )
    content = replace(request, **changes).to_bytes()
    info = guardianship_info(authority=AUTHORITY_ID)
    return seal(SEALING_SUITE, authority.keys.sealing.public, info, content)


def test_a_guardian_gets_the_authoritys_word_and_it_names_nobody(authority: IdentityAuthority) -> None:
    link = authority.attest_guardianship(asked(authority, DEMO_CHILD, DEMO_BORROWER), "hub.one")
    ward, guardian = (
        authority.network_number("hub.one", person.resident_id) for person in (DEMO_CHILD.person, DEMO_BORROWER)
    )
    assert (link.statement.delegator, link.statement.delegate, link.statement.depth) == (ward, guardian, 1)
    for secret in (DEMO_CHILD.person.name, DEMO_CHILD.person.resident_id, DEMO_BORROWER.resident_id):
        assert secret.encode() not in link.to_bytes()


def test_who_is_no_guardian_gets_no_word(authority: IdentityAuthority) -> None:
    unknown = Child(Person("林小满", DEMO_BORROWER.resident_id, "child", ()), DEMO_CHILD.guardians)
    on_birthday = datetime.combine(DEMO_CHILD.comes_of_age, time(), CHINA)
    wrong: list[tuple[Child, Person, dict[str, Any]]] = [
        (DEMO_CHILD, DEMO_GAP, {}),
        (DEMO_GROWN_CHILD, DEMO_GAP, {}),
        (unknown, DEMO_BORROWER, {}),
        (DEMO_CHILD, DEMO_BORROWER, {"valid_until": NOW + timedelta(days=367)}),
        (DEMO_CHILD, DEMO_BORROWER, {"valid_until": NOW}),
        (DEMO_CHILD, DEMO_BORROWER, {"valid_until": on_birthday + timedelta(seconds=1)}),
    ]
    for child, guardian, changes in wrong:
        with pytest.raises(HuilianError, match="DELEGATION_INVALID"):
            authority.attest_guardianship(asked(authority, child, guardian, **changes), "hub.one")
    with pytest.raises(HuilianError, match="SEALED_DATA_INVALID"):
        person = DEMO_BORROWER
        authority.attest_guardianship(sealed(authority, person.name, person.resident_id), "hub.one")


def test_the_register_of_families_is_coherent() -> None:
    everybody = population()
    assert len(children()) >= 40 and not set(children()) & set(everybody)
    for number, child in children().items():
        assert ric.is_valid(number) and number == child.person.resident_id
        assert child.guardians and all(parent in everybody for parent in child.guardians)
        assert child.comes_of_age.year == int(number[6:10]) + 18
