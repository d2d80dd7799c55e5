"""Reads that nobody allowed: asked for under a real consent, or under one that the hub forged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import DatasetGrant, EvidenceLevel, Period, Recipient
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.delegation import Basis, Delegation, DeviceProof, Link
from huilian_protocol.recipient_keys import MAX_DAYS, sign_statement
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, key_id
from huilian_protocol.webauthn import Assertion
from huilian_sdk import Person, SoftwareAuthenticator

from connectors.kit import sandbox_people
from deploy.site import RP_ID, WEB_ORIGIN
from tests.integration.citizens import FIELDS, RECIPIENT, Prepared
from tests.integration.raids import AGENCY, Raid, in_force
from tests.integration.taken_over_hub import Read, again
from tests.support.sites import HUB


async def more_fields(raid: Raid) -> Read:
    return again(raid.good(), fields=(*FIELDS, "balance_fen"))


async def longer_period(raid: Raid) -> Read:
    granted = raid.consent.artefact.datasets[0].period
    year = int(granted.from_month[:4]) - 1
    return again(raid.good(), period=Period(f"{year}{granted.from_month[4:]}", granted.to_month))


async def another_recipient(raid: Raid) -> Read:
    return again(raid.good(), recipient_key=generate_keypair(Suite.XWING).public)


async def another_person(raid: Raid) -> Read:
    """The hub knows a name and a number from elsewhere and seals them itself; the salt it cannot know."""
    theirs = sandbox_people.DEMO_TWO_EMPLOYERS
    made_up = replace(raid.citizen, person=Person.create(theirs.name, theirs.resident_id))
    sealed = await made_up.sealed(Prepared(raid.consent.artefact, (AGENCY,)))
    return again(raid.good(), sealed_subject=sealed[AGENCY])


async def another_persons_sealed_identity(raid: Raid) -> Read:
    """The other person's identity, really sealed by them, but under their own consent."""
    _, sealed = await in_force(raid.other)
    return again(raid.good(), sealed_subject=sealed)


async def another_persons_consent(raid: Raid) -> Read:
    consent, _ = await in_force(raid.other)
    return raid.forged(consent)


async def consent_for_another_agency(raid: Raid) -> Read:
    citizen = raid.citizen
    income = DatasetGrant("tax.personal_income/v1", ("annual_income_fen",), citizen.period())
    prepared = await citizen.prepare([income])
    granted = await citizen.sign(prepared)
    sealed = (await citizen.sealed(Prepared(prepared.artefact, (AGENCY,))))[AGENCY]
    return again(raid.good(), consent=granted.signed_consent, sealed_subject=sealed)


async def key_enrolled_by_the_hub(raid: Raid) -> Read:
    """A device key of the hub's own, bound to the person by an authority of the hub's own, everything consistent."""
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
    authority, artefact, now = ec.generate_private_key(ec.SECP256R1()), raid.consent.artefact, raid.citizen.clock.now()
    identity = raid.citizen.person.identity
    binding = issue_binding(
        authority,
        issuer="identity_authority",
        subject=artefact.subject,
        device_key=device.public_key,
        identity_commitment=commit_identity(identity.name, identity.resident_id, identity.salt),
        issued_at=now,
        expires_at=now + dt.timedelta(days=1),
    )
    return raid.forged(raid.hub.forged(artefact, binding, device.sign(artefact.sha256)))


async def real_binding_with_another_device(raid: Raid) -> Read:
    device, artefact = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN), raid.consent.artefact
    return raid.forged(raid.hub.forged(artefact, raid.consent.binding, device.sign(artefact.sha256)))


async def signed_by_the_hub_alone(raid: Raid) -> Read:
    nobody = Assertion(bytes(37), b"{}", bytes(70))
    return raid.forged(raid.hub.forged(raid.consent.artefact, raid.consent.binding, nobody))


async def attested_by_the_hub_alone(raid: Raid) -> Read:
    artefact = replace(raid.consent.artefact, evidence_level=EvidenceLevel.CHANNEL_ATTESTED)
    return raid.forged(raid.hub.forged(artefact, raid.consent.binding, raid.consent.assertion))


async def widened_consent(raid: Raid) -> Read:
    """The person's signature under an artefact with one field more, countersigned again."""
    grant = raid.consent.artefact.datasets[0]
    fields = tuple(sorted([*grant.fields, "balance_fen"]))
    artefact = replace(raid.consent.artefact, datasets=(replace(grant, fields=fields),))
    forged = raid.hub.forged(artefact, raid.consent.binding, raid.consent.assertion)
    return again(raid.forged(forged), fields=fields)


async def recipient_changed_in_the_consent(raid: Raid) -> Read:
    thief = generate_keypair(Suite.XWING)
    recipient = Recipient(RECIPIENT, key_id(thief.public), Suite.XWING)
    artefact = replace(raid.consent.artefact, recipient=recipient)
    forged = raid.hub.forged(artefact, raid.consent.binding, raid.consent.assertion)
    return again(raid.forged(forged), recipient_key=thief.public)


async def _tricked(raid: Raid, recipient: Recipient) -> Read:
    """The person signs what the hub drew up, and the hub has the private key for it."""
    prepared = await raid.citizen.prepare()
    artefact = replace(prepared.artefact, recipient=recipient)
    assertion = raid.citizen.device.sign(artefact.sha256)
    sealed = (await raid.citizen.sealed(replace(prepared, artefact=artefact)))[AGENCY]
    consent = raid.hub.forged(artefact, raid.consent.binding, assertion)
    return again(raid.hub.read(consent, sealed), recipient_key=_weaker(raid).public_key)


def _weaker(raid: Raid) -> SealingKey:
    """The bank's own key of a suite that falls to a quantum computer."""
    return next(key for key in raid.hub.bank_keys if key.suite is Suite.X25519)


async def weaker_key_of_the_same_bank(raid: Raid) -> Read:
    return again(raid.good(), recipient_key=_weaker(raid).public_key)


async def stronger_key_taken_out(raid: Raid) -> Read:
    key = _weaker(raid)
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite))


async def stronger_key_taken_out_of_a_statement_of_the_hubs_own(raid: Raid) -> Read:
    key, at = _weaker(raid), raid.consent.artefact.valid_from - dt.timedelta(days=1)
    statement = sign_statement(raid.hub.signing_key, RECIPIENT, [key], at, at + dt.timedelta(days=30))
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite, statement))


async def stronger_key_taken_out_by_an_older_statement_of_the_root(raid: Raid) -> Read:
    """The bank's root did sign it, when the bank had no other key, and it has not run out."""
    await raid.hub.send(AGENCY, raid.good())  # from which the edge knows the present one
    root = serialization.load_pem_private_key((raid.hub.site.folder / "roots" / f"{HUB}.pem").read_bytes(), None)
    assert isinstance(root, ec.EllipticCurvePrivateKey)
    key, until = _weaker(raid), raid.consent.artefact.valid_from + dt.timedelta(days=1)
    statement = sign_statement(root, RECIPIENT, [key], until - dt.timedelta(days=MAX_DAYS), until)
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite, statement))


async def without_countersignature(raid: Raid) -> Read:
    return raid.forged(replace(raid.consent, countersignature=raid.consent.binding))


async def widened_by_an_amendment_of_the_hubs_own(raid: Raid) -> Read:
    first = raid.consent.artefact
    fields = tuple(sorted([*first.datasets[0].fields, "balance_fen"]))
    wider = replace(first, version=2, replaces=first.sha256, datasets=(replace(first.datasets[0], fields=fields),))
    forged = raid.hub.forged(wider, raid.consent.binding, raid.consent.assertion)
    return again(raid.forged(forged), fields=fields)


async def beyond_its_purpose(raid: Raid) -> Read:
    """Even what the person's own device signed: no loan needs more reads than its purpose allows."""
    greedy = replace(raid.consent.artefact, max_reads=25)
    assertion = raid.citizen.device.sign(greedy.sha256)
    return raid.forged(raid.hub.forged(greedy, raid.consent.binding, assertion))


async def delegation_forged_by_the_hub(raid: Raid) -> Read:
    """The other person's device signs for this person, under a delegation that this person never gave."""
    mine, other = raid.consent.artefact, raid.other
    theirs, _ = await in_force(other)
    artefact = replace(mine, signer=theirs.artefact.subject)
    made = Delegation(
        id="delegation-forged",
        basis=Basis.PERSON,
        delegator=mine.subject,
        delegate=theirs.artefact.subject,
        grants=tuple(sorted(mine.grant_ids)),
        purposes=(mine.purpose.code,),
        valid_from=mine.valid_from,
        valid_until=mine.valid_until,
    )
    link = Link(made, DeviceProof(raid.consent.binding, other.device.sign(made.sha256)))
    assertion = other.device.sign(artefact.sha256)
    countersignature = countersign(raid.hub.signing_key, artefact, theirs.binding, assertion, (link,))
    return raid.forged(SignedConsent(artefact, theirs.binding, assertion, countersignature, (link,)))
