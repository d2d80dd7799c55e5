"""Prepare, grant, reject, revoke on both databases; each bad input by its own code, without a change of state."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.consent import verify_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, generate_keypair

from hub.consent.service import grant_record_id, revocation_record_id
from tests.support.consents import LENDING
from tests.unit.hub.consent.conftest import CONSENT, Office


async def refusal(office: Office, attempt: object) -> str:
    """The code with which it was refused."""
    with pytest.raises(HuilianError) as refused:
        await attempt  # type: ignore[misc]
    return refused.value.code


async def test_a_granted_consent_verifies_by_itself_and_is_in_the_ledger(office: Office) -> None:
    consent = await office.granted()
    assert consent.state == "GRANTED" and consent.signed is not None
    assert verify_signed_consent(consent.signed, office.world.trust, office.clock.now()) == consent.artefact
    [(kind, record_id, record, subject, evidence)] = office.ledger.records
    assert (kind, record_id, subject) == ("consent-grant", grant_record_id(CONSENT), office.citizen.subject)
    assert record["artefact_sha256"] == b64u_encode(consent.artefact.sha256)
    assert evidence == {"signed_consent": b64u_encode(consent.signed)}
    assert await office.service.sealed_subject(CONSENT, "tax") == b"sealed to tax"


async def test_a_prepared_consent_grants_nothing(office: Office) -> None:
    consent = await office.prepare()
    assert (consent.state, consent.signed, consent.agencies) == ("REQUESTED", None, ("housing_fund", "tax"))
    assert consent.refusal().code == "STATE_CONFLICT" and office.ledger.records == []


async def test_an_id_is_taken_once(office: Office) -> None:
    await office.prepare()
    assert await refusal(office, office.prepare(max_reads=1)) == "ALREADY_EXISTS"
    assert (await office.service.get(office.citizen.subject, CONSENT)).artefact.max_reads == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "MARKETING"}, "UNKNOWN_PURPOSE"),
        ({"recipient": "bank.marketing"}, "NOT_FOUND"),
        ({"max_reads": 1000}, "PURPOSE_LIMIT_EXCEEDED"),
    ],
)
async def test_bad_terms_leave_no_row(office: Office, change: dict[str, object], code: str) -> None:
    assert await refusal(office, office.prepare(**change)) == code
    assert await refusal(office, office.service.get(office.citizen.subject, CONSENT)) == "NOT_FOUND"


def altered(artefact: bytes, **changes: object) -> bytes:
    """The same artefact with top-level members exchanged."""
    return canonicalise({**json.loads(artefact), **changes})


async def test_an_artefact_that_was_not_offered_is_refused_even_when_well_signed(office: Office) -> None:
    consent = await office.prepare()
    greedy = altered(consent.artefact_bytes, frequency={"max_reads": 24})
    signed = office.citizen.device.sign(replace(consent.artefact, max_reads=24).sha256)
    assert await refusal(office, office.grant(consent, artefact=greedy, assertion=signed)) == "ARTEFACT_TAMPERED"
    assert await office.state() == "REQUESTED" and office.ledger.records == []


async def test_a_signature_over_something_else_is_refused(office: Office) -> None:
    consent = await office.prepare()
    other = office.citizen.device.sign(b"\x00" * 32)
    assert await refusal(office, office.grant(consent, assertion=other)) == "ARTEFACT_TAMPERED"
    assert await office.state() == "REQUESTED"


async def test_another_device_does_not_sign_for_this_person(office: Office) -> None:
    consent = await office.prepare()
    stranger = office.world.citizen(2)
    assertion = stranger.device.sign(consent.artefact.sha256)
    assert await refusal(office, office.grant(consent, assertion=assertion)) == "ASSERTION_INVALID"
    assert await office.state() == "REQUESTED"


async def test_a_device_that_no_authority_bound_is_refused(office: Office) -> None:
    consent = await office.prepare()
    office.world.bindings[office.citizen.subject] = type(office.world)().citizen().binding
    assert await refusal(office, office.grant(consent)) == "BINDING_INVALID"
    assert await office.state() == "REQUESTED"


async def test_the_binding_of_another_person_is_refused(office: Office) -> None:
    consent = await office.prepare()
    office.world.bindings[office.citizen.subject] = office.world.citizen(2).binding
    assert await refusal(office, office.grant(consent)) == "SUBJECT_MISMATCH"
    assert await office.state() == "REQUESTED"


async def test_an_artefact_that_is_no_artefact_is_refused(office: Office) -> None:
    consent = await office.prepare()
    assert await refusal(office, office.grant(consent, artefact=b"{}")) == "ARTEFACT_INVALID"
    loose = json.dumps(json.loads(consent.artefact_bytes), indent=1).encode()
    assert await refusal(office, office.grant(consent, artefact=loose)) == "ARTEFACT_INVALID"


async def test_an_artefact_for_another_key_of_the_recipient_is_refused(office: Office) -> None:
    consent = await office.prepare()
    office.world.recipients[LENDING] = generate_keypair(Suite.XWING)
    assert await refusal(office, office.grant(consent)) == "RECIPIENT_KEY_MISMATCH"
    recipient = {**json.loads(consent.artefact_bytes)["recipient"], "id": "bank.marketing"}
    swapped = altered(consent.artefact_bytes, recipient=recipient)
    assert await refusal(office, office.grant(consent, artefact=swapped)) == "RECIPIENT_KEY_MISMATCH"
    assert await office.state() == "REQUESTED"


async def test_a_consent_cannot_be_granted_after_its_end(office: Office) -> None:
    consent = await office.prepare()
    office.clock.advance(timedelta(days=30))
    assert await refusal(office, office.grant(consent)) == "CONSENT_EXPIRED"
    assert await office.state() == "EXPIRED"


@pytest.mark.parametrize("subjects", [{}, {"tax": b"x"}, {"tax": b"x", "housing_fund": b"x", "police": b"x"}])
async def test_each_agency_and_no_other_gets_the_sealed_subject(office: Office, subjects: dict[str, bytes]) -> None:
    consent = await office.prepare()
    assert await refusal(office, office.grant(consent, subjects=subjects)) == "INVALID_ARGUMENT"
    assert await office.state() == "REQUESTED"


async def test_nobody_else_sees_or_ends_a_consent(office: Office) -> None:
    consent = await office.prepare()
    stranger = office.world.citizen(2).subject
    assert await refusal(office, office.grant(consent, subject=stranger)) == "NOT_FOUND"
    await office.grant(consent)
    assert await refusal(office, office.service.get(stranger, CONSENT)) == "NOT_FOUND"
    assert await refusal(office, office.revoke(subject=stranger)) == "NOT_FOUND"
    assert await office.state() == "GRANTED"


async def test_granting_twice_is_a_conflict(office: Office) -> None:
    consent = await office.granted()
    assert await refusal(office, office.grant(consent)) == "STATE_CONFLICT"
    assert len(office.ledger.records) == 1


async def test_a_rejected_consent_stays_rejected(office: Office) -> None:
    consent = await office.prepare()
    rejected = await office.do(lambda: office.service.reject(office.citizen.subject, CONSENT))
    assert rejected.state == "REJECTED"
    assert await refusal(office, office.grant(consent)) == "STATE_CONFLICT"


async def test_revoking_is_for_good_and_in_the_ledger(office: Office) -> None:
    await office.granted()
    office.clock.advance(timedelta(hours=1))
    revoked = await office.revoke()
    assert revoked.state == "REVOKED" and revoked.ended_at == office.clock.now()
    assert revoked.refusal().code == "CONSENT_REVOKED"
    kind, record_id, record, subject, _ = office.ledger.records[-1]
    assert (kind, record_id) == ("consent-revocation", revocation_record_id(CONSENT))
    assert (record["at"], subject) == ("2026-03-02T03:00:00Z", office.citizen.subject)
    assert await refusal(office, office.revoke()) == "CONSENT_REVOKED"
    assert len(office.ledger.records) == 2


async def test_an_exhausted_consent_can_still_be_revoked_and_a_revoked_one_not_exhausted(office: Office) -> None:
    await office.granted()
    await office.do(lambda: office.service.exhaust_all([CONSENT]))
    assert await office.state() == "EXHAUSTED"
    assert (await office.revoke()).state == "REVOKED"
    await office.do(lambda: office.service.exhaust_all([CONSENT]))
    assert await office.state() == "REVOKED"


async def test_a_list_pages_newest_first_through_equal_times(office: Office) -> None:
    for number in range(5):
        await office.prepare(f"consent-0000000{number}")
        if number % 2:
            office.clock.advance(timedelta(seconds=1))
    seen, token = [], ""
    while True:
        page = await office.service.page(office.citizen.subject, token, 2)
        seen += [consent.artefact.id[-1] for consent in page.consents]
        token = page.next_token
        if not token:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    stranger = office.world.citizen(2).subject
    assert (await office.service.page(stranger, "", 2)).consents == ()
    assert await refusal(office, office.service.page(stranger, "consent-00000003", 2)) == "INVALID_ARGUMENT"
