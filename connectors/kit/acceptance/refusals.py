"""Reads that an edge must refuse, each with its own code, before it asks the agency and without counting anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from huilian_protocol.artefact import DatasetGrant, Period, Purpose, Recipient
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.consent import countersign
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, generate_keypair, key_id

from connectors.kit.acceptance.cases import DatasetCase
from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.world import NOW, PERIOD, Device, new_signing_key, seal_subject
from connectors.kit.consent_status import Change, Notice
from connectors.kit.requests import ReadRequest
from connectors.kit.sandbox_people import Person, population


@dataclass(frozen=True)
class Attempt:
    """Who tries what at which edge."""

    edge: Edge
    person: Person
    dataset: str

    def granted(self, **changes: object) -> ReadRequest:
        """A good read under an artefact with these changes."""
        return self.edge.request(*self.edge.grant(self.person, self.dataset, **changes))

    def fields(self) -> tuple[str, ...]:
        """All fields of the dataset."""
        spec = self.edge.upstream.manifest.dataset(self.dataset)
        assert spec is not None
        return tuple(sorted(spec.fields))


Spoil = Callable[[Attempt], ReadRequest]


def _expired(attempt: Attempt) -> ReadRequest:
    return attempt.granted(valid_from=NOW - timedelta(days=2), valid_until=NOW)


def _beyond_its_purpose(attempt: Attempt) -> ReadRequest:
    """Person and hub signed it, but its purpose allows nobody that many reads."""
    return attempt.granted(max_reads=25)


def _kept_longer_than_its_purpose(attempt: Attempt) -> ReadRequest:
    return attempt.granted(data_life_days=181)


def _recipient_of_another_purpose(attempt: Attempt) -> ReadRequest:
    key = attempt.edge.world.recipient.public
    recipient = Recipient("bank.convenience", key_id(key), attempt.edge.world.suite)
    return attempt.granted(recipient=recipient)


def _not_yet_valid(attempt: Attempt) -> ReadRequest:
    return attempt.granted(valid_from=NOW + timedelta(seconds=1))


def _tampered_artefact(attempt: Attempt) -> ReadRequest:
    """The hub changes what the person signed and countersigns the change."""
    edge = attempt.edge
    device, signed = edge.grant(attempt.person, attempt.dataset)
    consent = edge.world.consent(device, signed)
    wider = replace(signed, max_reads=1_000)
    countersignature = countersign(edge.world.hub, wider, device.binding, consent.assertion)
    forged = replace(consent, artefact=wider, countersignature=countersignature)
    return edge.request(device, signed, signed_consent=forged.to_bytes())


def _flipped_signature(attempt: Attempt) -> ReadRequest:
    edge = attempt.edge
    device, artefact = edge.grant(attempt.person, attempt.dataset)
    consent = edge.world.consent(device, artefact)
    broken = bytearray(consent.assertion.signature)
    broken[-1] ^= 1
    assertion = replace(consent.assertion, signature=bytes(broken))
    countersignature = countersign(edge.world.hub, artefact, device.binding, assertion)
    forged = replace(consent, assertion=assertion, countersignature=countersignature)
    return edge.request(device, artefact, signed_consent=forged.to_bytes())


def _hub_enrolled_key(attempt: Attempt) -> ReadRequest:
    """The hub binds a device key of its own to the person, with its own key in the authority's place."""
    return _with_binding_by(attempt, attempt.edge.world.hub)


def _stolen_binding(attempt: Attempt) -> ReadRequest:
    """A real binding, but the artefact is signed by another device key."""
    device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
    return attempt.edge.request(replace(device, key=new_signing_key()), artefact)


def _with_binding_by(attempt: Attempt, authority: object) -> ReadRequest:
    device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
    binding = issue_binding(
        authority,  # type: ignore[arg-type]
        issuer="identity_authority",
        subject=device.subject,
        device_key=device.key.public_key(),
        identity_commitment=commit_identity(device.person.name, device.person.resident_id, device.salt),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    return attempt.edge.request(replace(device, binding=binding), artefact)


def _other_hub(attempt: Attempt) -> ReadRequest:
    edge = attempt.edge
    device, artefact = edge.grant(attempt.person, attempt.dataset)
    consent = edge.world.consent(device, artefact)
    stranger = countersign(new_signing_key(), artefact, device.binding, consent.assertion)
    return edge.request(device, artefact, signed_consent=replace(consent, countersignature=stranger).to_bytes())


def _unknown_member(attempt: Attempt) -> ReadRequest:
    request = attempt.granted()
    consent = parse_json(request.signed_consent)
    consent["artefact"]["note"] = "x"
    return replace(request, signed_consent=canonicalise(consent))


def _no_consent(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), signed_consent=b"{}")


def _wrong_recipient_key(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), recipient_public_key=generate_keypair(Suite.XWING).public)


def _unknown_field(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), fields=("no_such_field",))


def _field_not_granted(attempt: Attempt) -> ReadRequest:
    fields = attempt.fields()
    grant = DatasetGrant(attempt.dataset, fields[1:], PERIOD)
    return replace(attempt.granted(datasets=(grant,)), fields=fields)


def _dataset_not_granted(attempt: Attempt) -> ReadRequest:
    grant = DatasetGrant("another.dataset/v1", attempt.fields(), PERIOD)
    return replace(attempt.granted(datasets=(grant,)), dataset_id=attempt.dataset)


def _unknown_dataset(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), dataset_id="no.such_dataset/v1")


def _earlier_month(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), period=Period("2025-06", PERIOD.to_month))


def _later_month(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), period=Period(PERIOD.from_month, "2026-11"))


def _malformed_period(attempt: Attempt) -> ReadRequest:
    return replace(attempt.granted(), period=Period("2026-10", "2026-09"))


def _too_long_period(attempt: Attempt) -> ReadRequest:
    decades = Period("1990-01", "2026-10")
    return attempt.granted(datasets=(DatasetGrant(attempt.dataset, attempt.fields(), decades),))


def _unknown_purpose(attempt: Attempt) -> ReadRequest:
    return attempt.granted(purpose=Purpose("MARKETING", "营销"))


def _wrong_person(attempt: Attempt) -> ReadRequest:
    """Somebody else's identity under this person's consent."""
    other = next(person for person in population().values() if person != attempt.person)
    return _resealed(attempt, lambda device: replace(device, person=other))


def _wrong_salt(attempt: Attempt) -> ReadRequest:
    return _resealed(attempt, lambda device: replace(device, salt=os.urandom(32)))


def _resealed(attempt: Attempt, change: Callable[[Device], Device]) -> ReadRequest:
    edge = attempt.edge
    device, artefact = edge.grant(attempt.person, attempt.dataset)
    agency, key = edge.upstream.manifest.agency_id, edge.service.keys.sealing.public
    return edge.request(device, artefact, sealed_subject=seal_subject(change(device), artefact, agency, key))


def _subject_of_another_consent(attempt: Attempt) -> ReadRequest:
    edge = attempt.edge
    device, artefact = edge.grant(attempt.person, attempt.dataset)
    earlier = edge.request(device, replace(artefact, id="consent-of-last-year"))
    return edge.request(device, artefact, sealed_subject=earlier.sealed_subject)


REFUSALS: dict[str, tuple[str, Spoil]] = {
    "expired": ("CONSENT_EXPIRED", _expired),
    "not yet valid": ("CONSENT_NOT_YET_VALID", _not_yet_valid),
    "tampered artefact": ("ARTEFACT_TAMPERED", _tampered_artefact),
    "flipped signature": ("ASSERTION_INVALID", _flipped_signature),
    "key enrolled by the hub": ("BINDING_INVALID", _hub_enrolled_key),
    "stolen binding": ("ASSERTION_INVALID", _stolen_binding),
    "countersigned by a stranger": ("COUNTERSIGNATURE_INVALID", _other_hub),
    "unknown member": ("ARTEFACT_INVALID", _unknown_member),
    "no consent": ("ARTEFACT_INVALID", _no_consent),
    "wrong recipient key": ("RECIPIENT_KEY_MISMATCH", _wrong_recipient_key),
    "unknown field": ("UNKNOWN_FIELD", _unknown_field),
    "field not granted": ("FIELD_NOT_GRANTED", _field_not_granted),
    "dataset not granted": ("FIELD_NOT_GRANTED", _dataset_not_granted),
    "unknown dataset": ("UNKNOWN_DATASET", _unknown_dataset),
    "earlier month": ("PERIOD_NOT_GRANTED", _earlier_month),
    "later month": ("PERIOD_NOT_GRANTED", _later_month),
    "malformed period": ("INVALID_ARGUMENT", _malformed_period),
    "too long period": ("PURPOSE_LIMIT_EXCEEDED", _too_long_period),
    "more reads than its purpose allows": ("PURPOSE_LIMIT_EXCEEDED", _beyond_its_purpose),
    "longer data life than its purpose allows": ("PURPOSE_LIMIT_EXCEEDED", _kept_longer_than_its_purpose),
    "recipient of another purpose": ("PURPOSE_LIMIT_EXCEEDED", _recipient_of_another_purpose),
    "unknown purpose": ("UNKNOWN_PURPOSE", _unknown_purpose),
    "wrong person": ("SUBJECT_MISMATCH", _wrong_person),
    "wrong salt": ("SUBJECT_MISMATCH", _wrong_salt),
    "subject of another consent": ("SEALED_DATA_INVALID", _subject_of_another_consent),
}


class ConsentRefusals:
    """Inherit beside `ConnectorAcceptance`, with the same `package` and `cases`."""

    package: str
    cases: tuple[DatasetCase, ...]

    @pytest_asyncio.fixture
    async def attempt(self, tmp_path: Path) -> AsyncIterator[Attempt]:
        """An edge and somebody who has a record there."""
        async with running_edge(self.package, tmp_path) as edge:
            yield Attempt(edge, self.cases[0].present, self.cases[0].dataset)

    @pytest.mark.parametrize("name", REFUSALS)
    async def test_refused_before_the_agency_is_asked(self, attempt: Attempt, name: str) -> None:
        code, spoil = REFUSALS[name]
        request = spoil(attempt)
        await expect(attempt, request, code)
        # The same world does serve a good read, so it was the spoiling that was refused.
        await attempt.edge.service.read(attempt.granted())

    async def test_revoked(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
        first = attempt.edge.request(device, artefact)
        await attempt.edge.service.read(first)
        asked = attempt.edge.upstream.faults.queries
        await attempt.edge.service.learn(Notice(1, artefact.id, NOW))
        for request in (first, attempt.edge.request(device, artefact)):
            await expect(attempt, request, "CONSENT_REVOKED", asked)

    async def test_only_the_revoked_dataset_stops(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
        learn = attempt.edge.service.learn
        await learn(Notice(1, artefact.id, NOW, Change.DATASET_REVOKED, dataset_id="another.dataset/v1"))
        await attempt.edge.service.read(attempt.edge.request(device, artefact))
        await learn(Notice(2, artefact.id, NOW, Change.DATASET_REVOKED, dataset_id=attempt.dataset))
        await expect(attempt, attempt.edge.request(device, artefact), "CONSENT_REVOKED", 1)

    async def test_a_pause_ends_only_by_the_signers_word_about_this_very_pause(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
        learn, request = attempt.edge.service.learn, attempt.edge.request(device, artefact)
        await learn(Notice(1, artefact.id, NOW, Change.PAUSED, pause_id="pause-1"))
        good = Notice(2, artefact.id, NOW, Change.RESUMED, pause_id="pause-1")
        good = replace(good, artefact_sha256=artefact.sha256, resumed_by=device.subject)
        for change in ({"pause_id": "pause-0"}, {"resumed_by": "net-else"}, {"artefact_sha256": bytes(32)}):
            await learn(replace(good, **change))
            await expect(attempt, request, "CONSENT_PAUSED", 0)
        await learn(good)
        await attempt.edge.service.read(request)

    async def test_only_the_newest_version_is_served(self, attempt: Attempt) -> None:
        edge, (device, first) = attempt.edge, attempt.edge.grant(attempt.person, attempt.dataset)
        second = replace(first, version=2, replaces=first.sha256)
        await edge.service.read(edge.request(device, first))
        stranger = replace(second, replaces=bytes(32))
        await expect(attempt, edge.request(device, stranger), "ARTEFACT_TAMPERED", 1)
        await edge.service.read(edge.request(device, second))
        await expect(attempt, edge.request(device, first), "STATE_CONFLICT", edge.upstream.faults.queries)
        await edge.service.learn(Notice(1, first.id, NOW, Change.AMENDED, version=3, artefact_sha256=bytes(32)))
        await expect(attempt, edge.request(device, second), "STATE_CONFLICT", edge.upstream.faults.queries)

    async def test_an_amendment_goes_on_counting(self, attempt: Attempt) -> None:
        edge, (device, first) = attempt.edge, attempt.edge.grant(attempt.person, attempt.dataset, max_reads=1)
        await edge.service.read(edge.request(device, first))
        second = replace(first, version=2, replaces=first.sha256, max_reads=2)
        await edge.service.read(edge.request(device, second))
        await expect(attempt, edge.request(device, second), "CONSENT_EXHAUSTED", edge.upstream.faults.queries)

    async def test_revocations_too_old(self, attempt: Attempt) -> None:
        attempt.edge.world.clock.advance(timedelta(seconds=31))
        await expect(attempt, attempt.granted(), "REVOCATIONS_STALE")
        attempt.edge.copy.confirm(attempt.edge.world.clock.now())
        await attempt.edge.service.read(attempt.granted())

    async def test_a_consent_that_served_before_expires_all_the_same(self, attempt: Attempt) -> None:
        edge = attempt.edge
        device, artefact = edge.grant(attempt.person, attempt.dataset, valid_until=NOW + timedelta(seconds=5))
        await edge.service.read(edge.request(device, artefact))
        edge.world.clock.advance(timedelta(seconds=5))
        await expect(attempt, edge.request(device, artefact), "CONSENT_EXPIRED", 1)

    async def test_a_binding_that_served_before_expires_all_the_same(self, attempt: Attempt) -> None:
        edge = attempt.edge
        edge.world.clock.advance(timedelta(days=680))
        now = edge.world.clock.now()
        edge.copy.confirm(now)
        life = {"valid_from": now, "valid_until": now + timedelta(days=30)}
        device, artefact = edge.grant(attempt.person, attempt.dataset, **life)
        await edge.service.read(edge.request(device, artefact))
        edge.world.clock.advance(timedelta(days=21))
        edge.copy.confirm(edge.world.clock.now())
        await expect(attempt, edge.request(device, artefact), "BINDING_INVALID", 1)

    async def test_over_quota(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset, max_reads=1)
        await attempt.edge.service.read(attempt.edge.request(device, artefact))
        await expect(attempt, attempt.edge.request(device, artefact), "CONSENT_EXHAUSTED", 1)

    async def test_request_id_with_other_input(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
        request = attempt.edge.request(device, artefact)
        await attempt.edge.service.read(request)
        await expect(attempt, replace(request, fields=request.fields[:1]), "REQUEST_ID_REUSED", 1)

    async def test_replay_after_the_answer_was_forgotten(self, attempt: Attempt) -> None:
        device, artefact = attempt.edge.grant(attempt.person, attempt.dataset)
        request = attempt.edge.request(device, artefact)
        await attempt.edge.service.read(request)
        attempt.edge.world.clock.advance(timedelta(hours=2))
        attempt.edge.copy.confirm(attempt.edge.world.clock.now())
        assert await attempt.edge.service.forget_answers() == 1
        await expect(attempt, request, "REPLAYED_REQUEST", 1)


async def expect(attempt: Attempt, request: ReadRequest, code: str, asked: int = 0) -> None:
    """Assert the refusal's code, and that neither the agency was asked nor a read counted for it."""
    consent_id = parse_json(request.signed_consent).get("artefact", {}).get("id", "")
    used = attempt.edge.store.used_reads(consent_id, request.dataset_id)
    with pytest.raises(HuilianError) as refusal:
        await attempt.edge.service.read(request)
    assert refusal.value.code == code
    assert attempt.edge.upstream.faults.queries == asked
    assert attempt.edge.store.used_reads(consent_id, request.dataset_id) == used
