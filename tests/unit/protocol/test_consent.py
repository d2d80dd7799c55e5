"""Signed consents: every way to forge, change or borrow one is refused with its own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.consent import (
    SignedConsent,
    countersign,
    parse_signed_consent,
    verify_device_signature,
    verify_evidence,
    verify_signed_consent,
)
from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion
from huilian_sdk.authenticator import SoftwareAuthenticator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.protocol import world
from tests.unit.protocol.world import DEVICE, HUB, NOW, ORIGIN, RP_ID, STRANGER, TRUST, artefact, binding, consent

GOOD = consent()
STRANGERS_DEVICE = SoftwareAuthenticator(STRANGER, rp_id=RP_ID, origin=ORIGIN)


def code_of(data: bytes, trust: TrustAnchors = TRUST, now: Any = NOW) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_signed_consent(data, trust, now)
    return caught.value.code


def edited(**changes: Any) -> bytes:
    """The good consent with its artefact edited and nothing signed again."""
    return world.changed(GOOD, artefact=artefact(**changes)).to_bytes()


def test_a_good_consent_gives_artefact_and_binding() -> None:
    verified = verify_evidence(GOOD.to_bytes(), TRUST, NOW)
    assert verified.artefact == artefact() == verify_signed_consent(GOOD.to_bytes(), TRUST, NOW)
    assert verified.binding.subject == verified.artefact.subject
    assert parse_signed_consent(GOOD.to_bytes()) == GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "consent-00000002"},
        {"frequency": {"max_reads": 4}},
        {"data_life_days": 31},
        {"valid_until": "2026-05-01T00:00:00Z"},
        {"purpose": {"code": "marketing", "text": "推销"}},
        {"recipient": {"id": "bank.other", "sealing_key_id": "k", "suite": "x25519"}},
        {"datasets": artefact().to_dict()["datasets"][:1]},
        {"legal_basis": "none"},
    ],
)
def test_an_edited_artefact_is_tampered(changes: dict[str, Any]) -> None:
    assert code_of(edited(**changes)) == "ARTEFACT_TAMPERED"


def test_a_hub_that_edits_and_countersigns_again_is_caught() -> None:
    other = artefact(data_life_days=31)
    forged = countersign(HUB, other, GOOD.binding, GOOD.assertion)
    assert code_of(SignedConsent(other, GOOD.binding, GOOD.assertion, forged).to_bytes()) == "ARTEFACT_TAMPERED"


def test_a_hub_that_signs_with_a_device_of_its_own_is_caught() -> None:
    assert code_of(consent(by=STRANGERS_DEVICE).to_bytes()) == "ASSERTION_INVALID"
    own_binding = binding(device_key=STRANGER.public_key(), signer=HUB)
    assert code_of(consent(by=STRANGERS_DEVICE, bound=own_binding).to_bytes()) == "BINDING_INVALID"


def test_somebody_elses_binding_is_refused() -> None:
    bound = binding(subject="wh-0000000000000002")
    assert code_of(consent(bound=bound).to_bytes()) == "SUBJECT_MISMATCH"


def test_an_expired_binding_is_refused() -> None:
    assert code_of(consent(bound=binding(expires_at=NOW)).to_bytes()) == "BINDING_INVALID"


def test_a_countersignature_over_something_else_is_refused() -> None:
    borrowed = consent(artefact(id="consent-00000002")).countersignature
    assert code_of(world.changed(GOOD, countersignature=borrowed).to_bytes()) == "COUNTERSIGNATURE_INVALID"
    again = DEVICE.sign(GOOD.artefact.sha256)
    assert code_of(world.changed(GOOD, assertion=again).to_bytes()) == "COUNTERSIGNATURE_INVALID"
    assert code_of(world.changed(GOOD, binding=binding(assurance="IAL3")).to_bytes()) == "COUNTERSIGNATURE_INVALID"


def test_a_countersignature_by_a_stranger_is_refused() -> None:
    forged = countersign(STRANGER, GOOD.artefact, GOOD.binding, GOOD.assertion)
    assert code_of(world.changed(GOOD, countersignature=forged).to_bytes()) == "COUNTERSIGNATURE_INVALID"


def test_validity_is_checked_last() -> None:
    early, late = NOW - timedelta(days=2), NOW + timedelta(days=31)
    assert code_of(GOOD.to_bytes(), now=early) == "CONSENT_NOT_YET_VALID"
    assert code_of(GOOD.to_bytes(), now=late) == "CONSENT_EXPIRED"


def test_an_attested_consent_is_not_device_signed() -> None:
    assert code_of(consent(artefact(evidence_level="CHANNEL_ATTESTED")).to_bytes()) == "EVIDENCE_LEVEL_TOO_LOW"


@pytest.mark.parametrize(
    "trust",
    [
        replace(TRUST, rp_id="other.example"),
        replace(TRUST, origin="https://other.example"),
    ],
)
def test_an_assertion_for_another_site_is_refused(trust: TrustAnchors) -> None:
    assert code_of(GOOD.to_bytes(), trust) == "ASSERTION_INVALID"


def test_nothing_is_trusted_without_anchors() -> None:
    assert code_of(GOOD.to_bytes(), replace(TRUST, identity_authority_keys={})) == "BINDING_INVALID"
    assert code_of(GOOD.to_bytes(), replace(TRUST, hubs=())) == "COUNTERSIGNATURE_INVALID"


@pytest.mark.parametrize("client_data", [b"", b"{", b"[]"])
def test_broken_client_data_is_an_invalid_assertion(client_data: bytes) -> None:
    broken = Assertion(GOOD.assertion.authenticator_data, client_data, GOOD.assertion.signature)
    with pytest.raises(HuilianError) as caught:
        verify_device_signature(GOOD.artefact, GOOD.binding, broken, TRUST, NOW)
    assert caught.value.code == "ASSERTION_INVALID"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"artefact": None}, "ARTEFACT_INVALID"),
        ({"artefact": {}}, "ARTEFACT_INVALID"),
        ({"assertion": None}, "ASSERTION_INVALID"),
        ({"assertion": {}}, "ASSERTION_INVALID"),
        ({"binding": ""}, "ARTEFACT_INVALID"),
        ({"binding": 1}, "ARTEFACT_INVALID"),
        ({"countersignature": "x" * 20_000}, "ARTEFACT_INVALID"),
        ({"extra": 1}, "ARTEFACT_INVALID"),
    ],
)
def test_malformed_consents_are_refused(change: dict[str, Any], code: str) -> None:
    assert code_of(canonicalise(parse_canonical(GOOD.to_bytes()) | change)) == code


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b" " + GOOD.to_bytes(), b"x" * 200_000])
def test_what_is_no_consent_is_refused(data: bytes) -> None:
    assert code_of(data) == "ARTEFACT_INVALID"


@given(st.data())
@settings(max_examples=300)
def test_no_byte_of_a_consent_can_be_changed(data: st.DataObject) -> None:
    content = bytearray(GOOD.to_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    code_of(bytes(content))
