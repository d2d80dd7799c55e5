"""The person's own side: checked numbers, sealed identities, private files; the passkey in software."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, open_sealed, registration_info, subject_info
from huilian_protocol.trust import TrustedAgency
from huilian_protocol.webauthn import verify_assertion
from huilian_sdk import HubError, Person, PersonError, SoftwareAuthenticator
from huilian_sdk.person import check_resident_id

from tests.unit.protocol.world import NAME, ORIGIN, RESIDENT_ID, RP_ID, TRUST

PERSON = Person.create(NAME, RESIDENT_ID)


@pytest.mark.parametrize("text", [RESIDENT_ID, f" {RESIDENT_ID.lower()} "])
def test_a_resident_id_is_brought_to_its_standard_form(text: str) -> None:
    assert check_resident_id(text) == RESIDENT_ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110105194912310021",
        "11010519491231002",
        "11010519491332002X",
        "990105194912310020",
        "1101051949123100２X",
        "130503670401001",
        "X" * 18,
        RESIDENT_ID + "0",
        RESIDENT_ID[:6] + " " + RESIDENT_ID[6:],
    ],
)
def test_a_malformed_resident_id_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(PersonError) as caught:
        check_resident_id(text)
    assert caught.value.code == "RESIDENT_ID_MALFORMED"
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["", "  ", "张" * 101])
def test_a_name_is_needed(name: str) -> None:
    with pytest.raises(HuilianError) as caught:
        Person.create(name, RESIDENT_ID)
    assert caught.value.code == "INVALID_ARGUMENT"


def test_each_person_has_a_salt_of_their_own() -> None:
    assert PERSON.identity.salt != Person.create(NAME, RESIDENT_ID).identity.salt
    assert Person.create(NAME, RESIDENT_ID, random_bytes=bytes).identity == Identity(NAME, RESIDENT_ID, bytes(32))


def test_a_person_reads_back_from_a_private_file(tmp_path: Path) -> None:
    PERSON.save(tmp_path / "me.json")
    assert Person.load(tmp_path / "me.json").identity == PERSON.identity
    assert stat.S_IMODE((tmp_path / "me.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("suite", Suite)
def test_the_identity_opens_for_its_use_only(suite: Suite) -> None:
    keys = generate_keypair(suite)
    registration = PERSON.seal_registration(keys.public, suite=suite, authority="identity_authority")
    opened = open_sealed(registration, keys.private, registration_info(authority="identity_authority"))
    assert Identity.from_bytes(opened) == PERSON.identity
    for_tax = PERSON.seal_subject(keys.public, suite=suite, agency="tax", consent_id="c-00000001", subject="wh-1")
    use = subject_info(consent_id="c-00000001", subject="wh-1", agency="tax")
    assert Identity.from_bytes(open_sealed(for_tax, keys.private, use)) == PERSON.identity
    with pytest.raises(HuilianError):
        open_sealed(for_tax, keys.private, use | {"consent_id": "c-00000002"})
    assert RESIDENT_ID.encode() not in registration + for_tax


OWN, FOREIGN = (generate_keypair(Suite.X25519).public for _ in range(2))
PIN = SealingKey(Suite.X25519, OWN)
PINNED = replace(TRUST, agencies={"tax": TrustedAgency((PIN,), {})}, identity_authority_sealing_keys=(PIN,))


def _subject(key: bytes, suite: Suite = Suite.X25519, agency: str = "tax") -> bytes:
    return PERSON.seal_subject(key, suite=suite, agency=agency, consent_id="c", subject="s", trust=PINNED)


def test_sealing_to_pinned_keys_goes_through() -> None:
    assert _subject(OWN)
    assert PERSON.seal_registration(OWN, suite=Suite.X25519, trust=PINNED)
    # A trust file from before agencies were pinned says nothing about them.
    assert PERSON.seal_registration(FOREIGN, suite=Suite.X25519, trust=TRUST)


@pytest.mark.parametrize(
    "seal",
    [
        lambda: _subject(FOREIGN),
        lambda: _subject(OWN, Suite.XWING),
        lambda: _subject(OWN, agency="housing_fund"),
        lambda: PERSON.seal_registration(FOREIGN, suite=Suite.X25519, trust=PINNED),
    ],
)
def test_a_key_that_nobody_pinned_gets_nothing(seal: Callable[[], bytes]) -> None:
    with pytest.raises(HubError) as caught:
        seal()
    assert caught.value.code == "KEY_NOT_PINNED"
    assert NAME not in str(caught.value)


@pytest.mark.parametrize("password", [None, "secret"])
def test_a_device_key_reads_back(tmp_path: Path, password: str | None) -> None:
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
    device.save(tmp_path / "device.pem", password=password)
    again = SoftwareAuthenticator.load(tmp_path / "device.pem", rp_id=RP_ID, origin=ORIGIN, password=password)
    assert again.public_jwk == device.public_jwk
    verify_assertion(again.sign(b"challenge"), device.public_key, b"challenge", RP_ID, ORIGIN)
    assert stat.S_IMODE((tmp_path / "device.pem").stat().st_mode) == 0o600


def test_a_device_key_needs_its_password(tmp_path: Path) -> None:
    SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN).save(tmp_path / "device.pem", password="secret")
    for password in (None, "wrong"):
        with pytest.raises(ValueError):
            SoftwareAuthenticator.load(tmp_path / "device.pem", rp_id=RP_ID, origin=ORIGIN, password=password)
