"""WebAuthn assertions: each rule of section 7.2 that we rely on, broken one at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.errors import HuilianError
from huilian_protocol.webauthn import Assertion, verify_assertion
from huilian_sdk.authenticator import SoftwareAuthenticator
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol.world import DEVICE, ORIGIN, RP_ID, STRANGER, key

CHALLENGE = hashlib.sha256(b"challenge").digest()
GOOD = DEVICE.sign(CHALLENGE)
DEVICE_PRIVATE = key(104)


def check(assertion: Assertion, public_key: ec.EllipticCurvePublicKey = DEVICE.public_key) -> None:
    verify_assertion(assertion, public_key, CHALLENGE, RP_ID, ORIGIN)


def refused(assertion: Assertion) -> str:
    with pytest.raises(HuilianError) as caught:
        check(assertion)
    assert caught.value.code == "ASSERTION_INVALID"
    return caught.value.detail


def signed(authenticator_data: bytes, client_data: bytes) -> Assertion:
    """An assertion over any content, properly signed by the device."""
    content = authenticator_data + hashlib.sha256(client_data).digest()
    return Assertion(authenticator_data, client_data, DEVICE_PRIVATE.sign(content, ec.ECDSA(hashes.SHA256())))


def with_client_data(**changes: Any) -> Assertion:
    data = {name: value for name, value in (GOOD.client_data() | changes).items() if value is not None}
    return signed(GOOD.authenticator_data, json.dumps(data).encode())


def with_flags(flags: int, rest: bytes = b"") -> Assertion:
    data = GOOD.authenticator_data
    return signed(data[:32] + bytes([flags]) + data[33:] + rest, GOOD.client_data_json)


def test_a_good_assertion_is_accepted_and_reads_back() -> None:
    check(GOOD)
    assert Assertion.from_dict(GOOD.to_dict()) == GOOD


def test_a_browser_may_say_more() -> None:
    check(with_client_data(other_keys_can_be_added_here="do not compare clientDataJSON against a template"))
    check(with_client_data(crossOrigin=None))
    check(with_flags(0x05 | 0x18))
    check(with_flags(0x85, b"\xa0"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "webauthn.create"}, "type"),
        ({"challenge": "AAAA"}, "challenge"),
        ({"challenge": None}, "challenge"),
        ({"origin": "https://huilian.example.evil"}, "origin"),
        ({"crossOrigin": True}, "origin"),
    ],
)
def test_other_client_data_is_refused(changes: dict[str, Any], why: str) -> None:
    assert why in refused(with_client_data(**changes))


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04, 0x80, 0xFA])
def test_the_person_must_be_present_and_verified(flags: int) -> None:
    assert "present" in refused(with_flags(flags))


def test_odd_authenticator_data_is_refused() -> None:
    assert "too short" in refused(signed(GOOD.authenticator_data[:36], GOOD.client_data_json))
    assert "too long" in refused(with_flags(0x05, b"\x00"))
    assert "too large" in refused(with_flags(0x85, bytes(5000)))


@pytest.mark.parametrize("client_data", [b"", b"[]", b"{", b"\xff", b"[" * 4000])
def test_what_is_no_client_data_is_refused(client_data: bytes) -> None:
    refused(signed(GOOD.authenticator_data, client_data))


def test_another_relying_party_is_refused() -> None:
    other = SoftwareAuthenticator(DEVICE_PRIVATE, rp_id="evil.example", origin=ORIGIN)
    assert "relying party" in refused(other.sign(CHALLENGE))


def test_another_key_is_refused() -> None:
    stranger = SoftwareAuthenticator(STRANGER, rp_id=RP_ID, origin=ORIGIN)
    assert refused(stranger.sign(CHALLENGE)) == "wrong signature"


@given(st.sampled_from(["authenticator_data", "client_data_json", "signature"]), st.data())
def test_no_byte_can_be_changed(part: str, data: st.DataObject) -> None:
    content = bytearray(getattr(GOOD, part))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    refused(replace(GOOD, **{part: bytes(content)}))


@pytest.mark.parametrize("value", [None, [], {}, {"signature": "AA"}, {**GOOD.to_dict(), "x": "AA"}])
def test_what_is_no_assertion_does_not_read(value: Any) -> None:
    with pytest.raises(ValueError):
        Assertion.from_dict(value)


@pytest.mark.parametrize("part", [1, None, "=", "A"])
def test_an_assertions_parts_are_base64url(part: Any) -> None:
    with pytest.raises(ValueError):
        Assertion.from_dict({**GOOD.to_dict(), "signature": part})
