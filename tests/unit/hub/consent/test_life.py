"""Pause, resume, one dataset, amendment, termination: what the hub does, what edges are told, what is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.canonical import parse_json
from huilian_protocol.consent import verify_signed_consent
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import verify_resumption
from huilian_protocol.termination import Ending, verify_termination

from hub.consent.revocations import Change, Notice
from hub.consent.service import Consent
from tests.support.breaking import break_at_each_statement
from tests.support.tables import dump
from tests.unit.hub.consent.conftest import CONSENT, DATASETS, Office

FUND, TAX = sorted(DATASETS)
TABLES = ("consent_consent", "consent_sealed_subject", "consent_notice", "consent_version")


async def refused(attempt: object) -> str:
    with pytest.raises(HuilianError) as caught:
        await attempt  # type: ignore[misc]
    return caught.value.code


async def pause(office: Office) -> Consent:
    return await office.do(lambda: office.service.life.pause(office.citizen.subject, CONSENT))


async def resume(office: Office, consent: Consent, device: object = None) -> Consent:
    statement = consent.resumption
    assert statement is not None
    signed = (device or office.citizen.device).sign(statement.sha256)  # type: ignore[attr-defined]
    life, subject = office.service.life, office.citizen.subject
    return await office.do(lambda: life.resume(subject, CONSENT, statement.canonical(), signed))


async def amend(office: Office, version: int = 1, **changes: object) -> Consent:
    terms = replace(office.terms, **changes)  # type: ignore[arg-type]
    prepare = office.service.prepare
    return await office.do(lambda: prepare(office.citizen.subject, CONSENT, terms, DATASETS, amends=version))


async def told(office: Office) -> list[Notice]:
    notices = await office.service._store.notices_after(0, 100)
    return [Notice.of(row) for row in notices]


async def receipt(office: Office, version: int = 0) -> bytes:
    return await office.service.endings.receipt(office.citizen.subject, CONSENT, version)


async def test_a_pause_stops_and_only_the_device_ends_it(office: Office) -> None:
    await office.granted()
    paused = await pause(office)
    assert (paused.state, paused.refusal().code) == ("PAUSED", "CONSENT_PAUSED")
    assert await refused(pause(office)) == "CONSENT_PAUSED"
    stranger = office.world.citizen(2).device
    assert await refused(resume(office, paused, stranger)) == "ASSERTION_INVALID"
    assert await office.state() == "PAUSED"
    assert (await resume(office, paused)).state == "GRANTED"
    first, second = await told(office)
    assert (first.change, second.change) == (Change.PAUSED, Change.RESUMED)
    statement, signer = verify_resumption(second.resumption, office.world.trust, office.clock.now())
    assert (statement.pause_id, signer) == (first.pause_id, office.citizen.subject)


async def test_an_older_resumption_does_not_end_a_newer_pause(office: Office) -> None:
    await office.granted()
    old = await pause(office)
    await resume(office, old)
    await pause(office)
    assert await refused(resume(office, old)) == "ARTEFACT_TAMPERED"


async def test_one_dataset_is_taken_back_and_the_last_takes_the_consent(office: Office) -> None:
    await office.granted()
    life, subject = office.service.life, office.citizen.subject
    one = await office.do(lambda: life.revoke_dataset(subject, CONSENT, TAX))
    assert (one.state, one.stopped, one.allows(FUND), one.allows(TAX)) == ("GRANTED", {TAX}, True, False)
    assert await refused(office.do(lambda: life.revoke_dataset(subject, CONSENT, TAX))) == "CONSENT_REVOKED"
    assert await refused(office.do(lambda: life.revoke_dataset(subject, CONSENT, "x.y/v1"))) == "FIELD_NOT_GRANTED"
    assert (await office.do(lambda: life.revoke_dataset(subject, CONSENT, FUND))).state == "REVOKED"
    assert [notice.change for notice in await told(office)] == [Change.DATASET_REVOKED, Change.REVOKED]


async def test_an_amendment_replaces_the_version_before_it(office: Office) -> None:
    first = await office.granted()
    draft = await amend(office, max_reads=5)
    assert (draft.artefact.version, draft.artefact.replaces) == (2, first.artefact.sha256)
    assert (await office.service.get(office.citizen.subject, CONSENT)).artefact == first.artefact
    second = await office.grant(draft)
    assert (second.state, second.artefact.max_reads, second.artefact.version) == ("GRANTED", 5, 2)
    assert second.signed and verify_signed_consent(second.signed, office.world.trust, office.clock.now())
    [notice] = await told(office)
    assert (notice.change, notice.version, notice.artefact_sha256) == (Change.AMENDED, 2, second.artefact.sha256)
    assert verify_termination(await receipt(office, 1), office.world.trust).ending is Ending.SUPERSEDED
    assert await refused(amend(office, 1)) == "STATE_CONFLICT"
    assert await refused(office.grant(draft)) == "STATE_CONFLICT"


async def test_an_amendment_keeps_its_purpose_and_a_pause_comes_first(office: Office) -> None:
    await office.granted()
    draft = await amend(office, max_reads=5)
    await pause(office)
    assert await refused(office.grant(draft)) == "CONSENT_PAUSED"
    assert await refused(amend(office)) == "CONSENT_PAUSED"
    assert (await office.state()) == "PAUSED"


async def test_a_waiting_amendment_can_be_declined_and_changes_nothing(office: Office) -> None:
    await office.granted()
    draft = await amend(office, datasets=(DatasetGrant(FUND, ("status",), office.terms.datasets[0].period),))
    service, subject = office.service, office.citizen.subject
    assert (await office.do(lambda: service.reject(subject, CONSENT))).state == "GRANTED"
    assert await refused(office.grant(draft)) == "STATE_CONFLICT"


async def test_every_ending_has_its_receipt(office: Office) -> None:
    await office.granted()
    assert await refused(receipt(office)) == "STATE_CONFLICT"
    await pause(office)
    assert await refused(receipt(office)) == "STATE_CONFLICT"
    await office.revoke()
    ended = verify_termination(await receipt(office), office.world.trust)
    assert (ended.ending, ended.reads, ended.deletion_due) == (Ending.REVOKED, {FUND: 0, TAX: 0}, ended.ended_at)
    stranger = office.world.citizen(2).subject
    assert await refused(office.service.endings.receipt(stranger, CONSENT)) == "NOT_FOUND"


async def test_expired_and_rejected_have_receipts_too(office: Office) -> None:
    await office.prepare()
    await office.do(lambda: office.service.reject(office.citizen.subject, CONSENT))
    assert verify_termination(await receipt(office), office.world.trust).ending is Ending.REJECTED
    await office.granted("consent-00000002")
    office.clock.advance(timedelta(days=31))
    data = await office.service.endings.receipt(office.citizen.subject, "consent-00000002")
    assert verify_termination(data, office.world.trust).ending is Ending.EXPIRED


async def test_the_record_names_what_happened(office: Office) -> None:
    await office.granted()
    await pause(office)
    record = parse_json(await office.service.export(office.citizen.subject, CONSENT))
    assert {"schema_version", "record_id", "pii_principal_id", "pii_processing", "party_identification"} < set(record)
    assert [event["event_state"] for event in record["events"]] == ["given", "suspended"]
    assert {event["event_type"] for event in record["events"]} == {"explicit"}
    assert record["consent_state"] == "PAUSED"
    office.clock.advance(timedelta(days=31))
    later = parse_json(await office.service.export(office.citizen.subject, CONSENT))
    assert later["consent_state"] == "EXPIRED" and later["events"][-1]["event_state"] == "expired"
    assert later["events"][-1]["event_time"] == record["events"][0]["validity_duration"]


async def test_each_change_is_whole_or_nothing(office: Office) -> None:
    await office.granted()
    life, subject = office.service.life, office.citizen.subject
    for work in (
        lambda: office.do(lambda: life.revoke_dataset(subject, CONSENT, TAX)),
        lambda: pause(office),
    ):
        before = await dump(office.database, *TABLES)
        async for _ in break_at_each_statement(office.database, work):
            assert await dump(office.database, *TABLES) == before
        assert await dump(office.database, *TABLES) != before


async def test_an_amendment_waits_for_the_end_of_an_action(office: Office) -> None:
    class Acting:
        open = True

        async def reads_taken(self, consent_id: str, datasets: Collection[str], *, settled: bool) -> dict[str, int]:
            return dict.fromkeys(datasets, 0)

        async def is_acting(self, consent_id: str) -> bool:
            return consent_id == CONSENT and self.open

    await office.granted()
    acting = Acting()
    office.service.count_reads_by(acting)
    draft = await amend(office, max_reads=5)
    assert await refused(office.grant(draft)) == "STATE_CONFLICT"
    assert (await office.service.get(office.citizen.subject, CONSENT)).artefact.version == 1
    acting.open = False
    await office.grant(draft)
    assert (await office.service.get(office.citizen.subject, CONSENT)).artefact.version == 2


async def test_a_resumption_is_whole_or_nothing(office: Office) -> None:
    await office.granted()
    paused, breaks = await pause(office), 0
    before = await dump(office.database, *TABLES)
    async for _ in break_at_each_statement(office.database, lambda: resume(office, paused)):
        breaks += 1
        assert await dump(office.database, *TABLES) == before
        assert await office.state() == "PAUSED"
    assert breaks >= 4 and await office.state() == "GRANTED"


async def test_an_amendment_is_whole_or_nothing(office: Office) -> None:
    await office.granted()
    draft = await amend(office, max_reads=5)
    before, breaks = await dump(office.database, *TABLES), 0
    async for _ in break_at_each_statement(office.database, lambda: office.grant(draft)):
        breaks += 1
        assert await dump(office.database, *TABLES) == before
    assert breaks >= 8 and (await office.service.get(office.citizen.subject, CONSENT)).artefact.version == 2
