"""A hub that was taken over, with its real keys and certificate, against the edges: zero leaks, each refusal coded.

Whatever the hub holds is used against the person: the signed consent, the sealed subject, the hub's own signing key,
its transport certificate. What it does not hold are the person's device key and the identity authority's.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import DatasetGrant, EvidenceLevel, Period, Recipient, parse_artefact
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.consent import SignedConsent, countersign, parse_signed_consent
from huilian_protocol.delegation import Basis, Delegation, DeviceProof, Link
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import MAX_DAYS, sign_statement
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, key_id
from huilian_protocol.webauthn import Assertion
from huilian_sdk import Person, SoftwareAuthenticator

from connectors.kit import sandbox_people
from deploy.site import RP_ID, WEB_ORIGIN
from tests.integration import hub_state
from tests.integration.citizens import FIELDS, HOUSING_FUND, RECIPIENT, SHORT_LIFE, Citizen, Prepared, registered
from tests.integration.taken_over_hub import Read, TakenOverHub, again
from tests.support.sites import HUB, RunningSite

AGENCY = "housing_fund"
REVOCATION_PATIENCE_S = 5.0


@dataclass
class Raid:
    """A person with a consent in force, another person, and the hub in the wrong hands."""

    hub: TakenOverHub
    citizen: Citizen
    other: Citizen
    consent: SignedConsent
    sealed_subject: bytes

    @property
    def edge_memory(self) -> Path:
        """What the edge counts in."""
        return self.hub.site.folder / AGENCY / "edge.sqlite3"

    def good(self) -> Read:
        """The read that the person allowed."""
        return self.hub.read(self.consent, self.sealed_subject)

    def forged(self, consent: SignedConsent) -> Read:
        """The same read under another consent."""
        return again(self.good(), consent=consent.to_bytes())


async def _granted(citizen: Citizen, **terms: object) -> tuple[SignedConsent, bytes]:
    """A consent in force and the person's identity as the hub holds it for the agency."""
    prepared = await citizen.prepare(**terms)  # type: ignore[arg-type]
    granted = await citizen.sign(prepared)
    return parse_signed_consent(granted.signed_consent), (await citizen.sealed(prepared))[AGENCY]


@pytest_asyncio.fixture
async def raid(shared_site: RunningSite) -> AsyncIterator[Raid]:
    site, place = shared_site.site, shared_site.site.hub(HUB)
    async with AsyncExitStack() as stack:
        citizen = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_BORROWER))
        other = await stack.enter_async_context(registered(site, place, sandbox_people.DEMO_TWO_EMPLOYERS))
        consent, sealed = await _granted(citizen)
        yield Raid(TakenOverHub.of(site, place), citizen, other, consent, sealed)


async def test_the_bank_reads_what_was_granted_and_only_that(raid: Raid) -> None:
    """Else the refusals below would prove nothing."""
    read = raid.good()
    payload = raid.hub.open(raid.consent.artefact, read, await raid.hub.send(AGENCY, read))
    assert (payload["status"], sorted(payload["data"])) == ("present", sorted(FIELDS))


# --- one forbidden read each


async def _more_fields(raid: Raid) -> Read:
    return again(raid.good(), fields=(*FIELDS, "balance_fen"))


async def _longer_period(raid: Raid) -> Read:
    granted = raid.consent.artefact.datasets[0].period
    year = int(granted.from_month[:4]) - 1
    return again(raid.good(), period=Period(f"{year}{granted.from_month[4:]}", granted.to_month))


async def _another_recipient(raid: Raid) -> Read:
    return again(raid.good(), recipient_key=generate_keypair(Suite.XWING).public)


async def _another_person(raid: Raid) -> Read:
    """The hub knows a name and a number from elsewhere and seals them itself; the salt it cannot know."""
    theirs = sandbox_people.DEMO_TWO_EMPLOYERS
    made_up = replace(raid.citizen, person=Person.create(theirs.name, theirs.resident_id))
    sealed = await made_up.sealed(Prepared(raid.consent.artefact, (AGENCY,)))
    return again(raid.good(), sealed_subject=sealed[AGENCY])


async def _another_persons_sealed_identity(raid: Raid) -> Read:
    """The other person's identity, really sealed by them, but under their own consent."""
    _, sealed = await _granted(raid.other)
    return again(raid.good(), sealed_subject=sealed)


async def _another_persons_consent(raid: Raid) -> Read:
    consent, _ = await _granted(raid.other)
    return raid.forged(consent)


async def _consent_for_another_agency(raid: Raid) -> Read:
    citizen = raid.citizen
    income = DatasetGrant("tax.personal_income/v1", ("annual_income_fen",), citizen.period())
    prepared = await citizen.prepare([income])
    granted = await citizen.sign(prepared)
    sealed = (await citizen.sealed(Prepared(prepared.artefact, (AGENCY,))))[AGENCY]
    return again(raid.good(), consent=granted.signed_consent, sealed_subject=sealed)


async def _key_enrolled_by_the_hub(raid: Raid) -> Read:
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


async def _real_binding_with_another_device(raid: Raid) -> Read:
    device, artefact = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN), raid.consent.artefact
    return raid.forged(raid.hub.forged(artefact, raid.consent.binding, device.sign(artefact.sha256)))


async def _signed_by_the_hub_alone(raid: Raid) -> Read:
    nobody = Assertion(bytes(37), b"{}", bytes(70))
    return raid.forged(raid.hub.forged(raid.consent.artefact, raid.consent.binding, nobody))


async def _attested_by_the_hub_alone(raid: Raid) -> Read:
    artefact = replace(raid.consent.artefact, evidence_level=EvidenceLevel.CHANNEL_ATTESTED)
    return raid.forged(raid.hub.forged(artefact, raid.consent.binding, raid.consent.assertion))


async def _widened_consent(raid: Raid) -> Read:
    """The person's signature under an artefact with one field more, countersigned again."""
    grant = raid.consent.artefact.datasets[0]
    fields = tuple(sorted([*grant.fields, "balance_fen"]))
    artefact = replace(raid.consent.artefact, datasets=(replace(grant, fields=fields),))
    forged = raid.hub.forged(artefact, raid.consent.binding, raid.consent.assertion)
    return again(raid.forged(forged), fields=fields)


async def _recipient_changed_in_the_consent(raid: Raid) -> Read:
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


async def _weaker_key_of_the_same_bank(raid: Raid) -> Read:
    return again(raid.good(), recipient_key=_weaker(raid).public_key)


async def _stronger_key_taken_out(raid: Raid) -> Read:
    key = _weaker(raid)
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite))


async def _stronger_key_taken_out_of_a_statement_of_the_hubs_own(raid: Raid) -> Read:
    key, at = _weaker(raid), raid.consent.artefact.valid_from - dt.timedelta(days=1)
    statement = sign_statement(raid.hub.signing_key, RECIPIENT, [key], at, at + dt.timedelta(days=30))
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite, statement))


async def _stronger_key_taken_out_by_an_older_statement_of_the_root(raid: Raid) -> Read:
    """The bank's root did sign it, when the bank had no other key, and it has not run out."""
    await raid.hub.send(AGENCY, raid.good())  # from which the edge knows the present one
    root = serialization.load_pem_private_key((raid.hub.site.folder / "roots" / f"{HUB}.pem").read_bytes(), None)
    assert isinstance(root, ec.EllipticCurvePrivateKey)
    key, until = _weaker(raid), raid.consent.artefact.valid_from + dt.timedelta(days=1)
    statement = sign_statement(root, RECIPIENT, [key], until - dt.timedelta(days=MAX_DAYS), until)
    return await _tricked(raid, Recipient(RECIPIENT, key.id, key.suite, statement))


async def _without_countersignature(raid: Raid) -> Read:
    return raid.forged(replace(raid.consent, countersignature=raid.consent.binding))


async def _expired(raid: Raid) -> Read:
    consent, sealed = await _granted(raid.citizen, life=SHORT_LIFE)
    await raid.citizen.outlive(consent.artefact)
    return raid.hub.read(consent, sealed)


async def _over_quota(raid: Raid) -> Read:
    consent, sealed = await _granted(raid.citizen, max_reads=1)
    read = raid.hub.read(consent, sealed)
    await raid.hub.send(AGENCY, read)
    return again(read)


async def _request_id_with_other_fields(raid: Raid) -> Read:
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    return replace(read, fields=read.fields[:1])


async def _revoked(raid: Raid) -> Read:
    """The hub forwards the read after the person revoked; the edge hears of the revocation in a moment."""
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    await raid.citizen.hub.consents.revoke(raid.consent.artefact.id)
    await _until_heard(raid)
    return again(read)


async def _revoked_and_repeated(raid: Raid) -> Read:
    """Even the stored answer to a read that was allowed is not given again."""
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    await raid.citizen.hub.consents.revoke(raid.consent.artefact.id)
    await _until_heard(raid)
    return read


async def _until_heard(raid: Raid) -> None:
    deadline = time.monotonic() + REVOCATION_PATIENCE_S
    while time.monotonic() < deadline:
        if raid.consent.artefact.id in {row[0] for row in hub_state.dump(raid.edge_memory)["revocation"]}:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the edge has not heard of the revocation")


async def _paused(raid: Raid) -> Read:
    await raid.citizen.hub.consents.pause(raid.consent.artefact.id)
    await _until_told(raid, "pause", raid.consent.artefact.id)
    return raid.good()


async def _resumed_by_the_word_about_another_consent(raid: Raid) -> Read:
    """The person resumes another consent of theirs; the hub tells the edge that it was this one."""
    other, _ = await _granted(raid.citizen)
    await raid.citizen.hub.consents.pause(raid.consent.artefact.id)
    paused = await raid.citizen.hub.consents.pause(other.artefact.id)
    challenge = hashlib.sha256(paused.resumption_statement).digest()
    assertion = raid.citizen.device.sign(challenge)
    await raid.citizen.hub.consents.resume(other.artefact.id, paused.resumption_statement, assertion)
    with sqlite3.connect(raid.hub.place.folder / "hub.sqlite") as database:
        signed = database.execute(
            "SELECT resumption FROM consent_notice WHERE consent_id = ? AND change = 'RESUMED'", (other.artefact.id,)
        ).fetchone()[0]
        cursor = database.execute("SELECT max(cursor) + 1 FROM consent_notice").fetchone()[0]
        database.execute(
            "INSERT INTO consent_notice (cursor, consent_id, change, at, version, resumption)"
            " SELECT ?, ?, 'RESUMED', at, 1, ? FROM consent_notice WHERE cursor = ?",
            (cursor, raid.consent.artefact.id, signed, cursor - 1),
        )
    await _until_cursor(raid, cursor)
    return raid.good()


async def _an_older_version(raid: Raid) -> Read:
    """The person narrowed the consent to one field; the hub goes on with the wider version before it."""
    citizen, first = raid.citizen, raid.consent.artefact
    grant = replace(first.datasets[0], fields=first.datasets[0].fields[:1])
    prepared = await citizen.hub.consents.prepare(
        consent_id=first.id,
        purpose_code=first.purpose.code,
        recipient_id=first.recipient.id,
        datasets=[grant],
        max_reads=first.max_reads,
        data_life_days=first.data_life_days,
        valid_until=first.valid_until,
        amends_version=1,
    )
    draft = Prepared(parse_artefact(prepared.artefact), tuple(prepared.agency_ids))
    await citizen.sign(draft)
    await _until_told(raid, "newest_version", first.id, column="version", value=2)
    return raid.good()


async def _widened_by_an_amendment_of_the_hubs_own(raid: Raid) -> Read:
    first = raid.consent.artefact
    fields = tuple(sorted([*first.datasets[0].fields, "balance_fen"]))
    wider = replace(first, version=2, replaces=first.sha256, datasets=(replace(first.datasets[0], fields=fields),))
    forged = raid.hub.forged(wider, raid.consent.binding, raid.consent.assertion)
    return again(raid.forged(forged), fields=fields)


async def _beyond_its_purpose(raid: Raid) -> Read:
    """Even what the person's own device signed: no loan needs more reads than its purpose allows."""
    greedy = replace(raid.consent.artefact, max_reads=25)
    assertion = raid.citizen.device.sign(greedy.sha256)
    return raid.forged(raid.hub.forged(greedy, raid.consent.binding, assertion))


async def _delegation_forged_by_the_hub(raid: Raid) -> Read:
    """The other person's device signs for this person, under a delegation that this person never gave."""
    mine, other = raid.consent.artefact, raid.other
    theirs, _ = await _granted(other)
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


async def _until_cursor(raid: Raid, cursor: int) -> None:
    await _until(lambda: any(row[1] >= cursor for row in hub_state.dump(raid.edge_memory)["feed"]))


async def _until_told(raid: Raid, table: str, consent_id: str, column: str = "", value: int = 0) -> None:
    def is_told() -> bool:
        rows = [row for row in hub_state.dump(raid.edge_memory)[table] if row[0] == consent_id]
        return bool(rows) and (not column or rows[0][1] == value)

    await _until(is_told)


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + REVOCATION_PATIENCE_S
    while time.monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the edge has not heard of it")


RAIDS: dict[str, tuple[str, Callable[[Raid], Awaitable[Read]]]] = {
    "more fields": ("FIELD_NOT_GRANTED", _more_fields),
    "a longer period": ("PERIOD_NOT_GRANTED", _longer_period),
    "another recipient's key": ("RECIPIENT_KEY_MISMATCH", _another_recipient),
    "another person": ("SUBJECT_MISMATCH", _another_person),
    "another person's sealed identity": ("SEALED_DATA_INVALID", _another_persons_sealed_identity),
    "another person's consent": ("SEALED_DATA_INVALID", _another_persons_consent),
    "a consent for another agency": ("FIELD_NOT_GRANTED", _consent_for_another_agency),
    "a device key enrolled by the hub": ("BINDING_INVALID", _key_enrolled_by_the_hub),
    "the real binding, another device": ("ASSERTION_INVALID", _real_binding_with_another_device),
    "signed by the hub alone": ("ARTEFACT_TAMPERED", _signed_by_the_hub_alone),
    "attested by the hub alone": ("EVIDENCE_LEVEL_TOO_LOW", _attested_by_the_hub_alone),
    "a consent widened by the hub": ("ARTEFACT_TAMPERED", _widened_consent),
    "a recipient changed by the hub": ("ARTEFACT_TAMPERED", _recipient_changed_in_the_consent),
    "a weaker key of the same bank": ("RECIPIENT_KEY_MISMATCH", _weaker_key_of_the_same_bank),
    "the stronger key taken out": ("RECIPIENT_KEY_MISMATCH", _stronger_key_taken_out),
    "taken out of a statement that the hub signed": (
        "RECIPIENT_KEY_MISMATCH",
        _stronger_key_taken_out_of_a_statement_of_the_hubs_own,
    ),
    "taken out by an older statement of the root": (
        "RECIPIENT_KEY_MISMATCH",
        _stronger_key_taken_out_by_an_older_statement_of_the_root,
    ),
    "no countersignature": ("COUNTERSIGNATURE_INVALID", _without_countersignature),
    "expired": ("CONSENT_EXPIRED", _expired),
    "over quota": ("CONSENT_EXHAUSTED", _over_quota),
    "a request id with other fields": ("REQUEST_ID_REUSED", _request_id_with_other_fields),
    "after revocation": ("CONSENT_REVOKED", _revoked),
    "while paused": ("CONSENT_PAUSED", _paused),
    "resumed by the word about another consent": ("CONSENT_PAUSED", _resumed_by_the_word_about_another_consent),
    "an older version": ("STATE_CONFLICT", _an_older_version),
    "an amendment of the hub's own": ("ARTEFACT_TAMPERED", _widened_by_an_amendment_of_the_hubs_own),
    "beyond its purpose": ("PURPOSE_LIMIT_EXCEEDED", _beyond_its_purpose),
    "a delegation forged by the hub": ("DELEGATION_INVALID", _delegation_forged_by_the_hub),
    "a replay after revocation": ("CONSENT_REVOKED", _revoked_and_repeated),
}


@pytest.mark.parametrize("name", RAIDS)
async def test_the_edge_refuses_whatever_the_hub_says(raid: Raid, name: str) -> None:
    code, prepare = RAIDS[name]
    read = await prepare(raid)
    before = hub_state.dump(raid.edge_memory)
    with pytest.raises(HuilianError) as refusal:
        await raid.hub.send(AGENCY, read)
    assert refusal.value.code == code
    assert hub_state.difference(before, hub_state.dump(raid.edge_memory)) == {}, "the edge counted it"


async def test_a_replay_gives_the_same_sealed_answer_and_asks_nobody(raid: Raid) -> None:
    read = raid.good()
    first = await raid.hub.send(AGENCY, read)
    before = hub_state.dump(raid.edge_memory)
    assert (await raid.hub.send(AGENCY, read)).envelope == first.envelope
    assert hub_state.difference(before, hub_state.dump(raid.edge_memory)) == {}


async def test_only_hubs_may_ask(raid: Raid) -> None:
    with pytest.raises(HuilianError) as refusal:
        await raid.hub.send(AGENCY, raid.good(), certificate="channel.mini_program_api")
    assert refusal.value.code == "PERMISSION_DENIED"


async def test_the_hub_itself_refuses_first(raid: Raid) -> None:
    """The same read through the front door is refused by the hub, and both refusals are for the same reason."""
    with pytest.raises(HuilianError) as refusal:
        await raid.citizen.hub.exchange.fetch(
            consent_id=raid.consent.artefact.id,
            dataset_id=HOUSING_FUND,
            fields=[*FIELDS, "balance_fen"],
            period=raid.citizen.period(),
        )
    assert refusal.value.code == RAIDS["more fields"][0]
