"""Reads that were allowed once: run out, used up, revoked, paused, narrowed."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace

from huilian_protocol.artefact import parse_artefact

from tests.integration.citizens import SHORT_LIFE, Prepared
from tests.integration.raids import AGENCY, Raid, in_force, until_cursor, until_heard, until_told
from tests.integration.taken_over_hub import Read, again


async def expired(raid: Raid) -> Read:
    consent, sealed = await in_force(raid.citizen, life=SHORT_LIFE)
    await raid.citizen.outlive(consent.artefact)
    return raid.hub.read(consent, sealed)


async def over_quota(raid: Raid) -> Read:
    consent, sealed = await in_force(raid.citizen, max_reads=1)
    read = raid.hub.read(consent, sealed)
    await raid.hub.send(AGENCY, read)
    return again(read)


async def request_id_with_other_fields(raid: Raid) -> Read:
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    return replace(read, fields=read.fields[:1])


async def revoked(raid: Raid) -> Read:
    """The hub forwards the read after the person revoked; the edge hears of the revocation in a moment."""
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    await raid.citizen.hub.consents.revoke(raid.consent.artefact.id)
    await until_heard(raid)
    return again(read)


async def revoked_and_repeated(raid: Raid) -> Read:
    """Even the stored answer to a read that was allowed is not given again."""
    read = raid.good()
    await raid.hub.send(AGENCY, read)
    await raid.citizen.hub.consents.revoke(raid.consent.artefact.id)
    await until_heard(raid)
    return read


async def paused(raid: Raid) -> Read:
    await raid.citizen.hub.consents.pause(raid.consent.artefact.id)
    await until_told(raid, "pause", raid.consent.artefact.id)
    return raid.good()


async def resumed_by_another_consents_word(raid: Raid) -> Read:
    """The person resumes another consent of theirs; the hub tells the edge that it was this one."""
    other, _ = await in_force(raid.citizen)
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
    await until_cursor(raid, cursor)
    return raid.good()


async def an_older_version(raid: Raid) -> Read:
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
    await until_told(raid, "newest_version", first.id, column="version", value=2)
    return raid.good()
