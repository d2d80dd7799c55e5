"""Tables and queries of the exchange: requests with their sealed answers, and quotas.

What a read delivered is kept as the sealed envelope only, so that a repeated request gets the first answer; the hub has
no key that opens it here. Access records are the ledger's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_json
from tortoise import fields
from tortoise.models import Model

from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField

_TIME = UtcDatetimeField()


class Phase(StrEnum):
    """How far a request has come; see `ReadRow`."""

    RUNNING = "RUNNING"
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class ReadRow(Model):
    """One request of one reader; id "<reader>/<request id>".

    `phase` is RUNNING (until `running_until`, after which the process that ran it is taken for dead), DELIVERED or
    REFUSED (both final), or FAILED (may be tried again under the same id).
    """

    id = fields.CharField(max_length=130, primary_key=True)
    consent_id = fields.CharField(max_length=64)
    fingerprint = fields.BinaryField()
    phase = fields.CharField(max_length=10)
    running_until = UtcDatetimeField(null=True)
    envelope = fields.BinaryField(null=True)
    # How long the sealed answer may be kept: the data life that the person granted, never beyond a revocation.
    keep_until = UtcDatetimeField(null=True)
    refusal: fields.JSONField[dict[str, str] | None] = fields.JSONField(null=True)
    access_record_id = fields.CharField(max_length=64, null=True)
    # What is wanted (`rules.noted`), while it is under way.
    wanted: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)

    class Meta:
        table = "exchange_read"
        indexes = (("consent_id", "phase"), ("keep_until",))


class ActionPhase(StrEnum):
    """How far an action has come; see `ActionRow`."""

    RUNNING = "RUNNING"
    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"


class ActionRow(Model):
    """One action of one person; id "<subject>/<request id>".

    `phase` is RUNNING (a process is at it, until `next_try_at`), OPEN (nobody knows what became of it; asked again from
    `next_try_at` on), DONE (the agency's answer is there) or REFUSED (nothing was done); the last two are final.
    """

    id = fields.CharField(max_length=130, primary_key=True)
    consent_id = fields.CharField(max_length=64)
    action_id = fields.CharField(max_length=100)
    fingerprint = fields.BinaryField()
    phase = fields.CharField(max_length=10)
    # How often the edge was asked, or may have been.
    tries = fields.IntField()
    next_try_at = UtcDatetimeField()
    # Sealed to the agency; dropped when the action has ended.
    sealed_parameters = fields.BinaryField(null=True)
    outcome = fields.CharField(max_length=10, null=True)
    envelope = fields.BinaryField(null=True)
    keep_until = UtcDatetimeField(null=True)
    refusal: fields.JSONField[dict[str, str] | None] = fields.JSONField(null=True)
    access_record_id = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "exchange_action"
        indexes = (("consent_id", "phase"), ("phase", "next_try_at"), ("keep_until",))


class AccessEventRow(Model):
    """One access record that was not yet counted and told of: an outbox of its own, emptied within moments."""

    id = fields.BigIntField(primary_key=True)
    record_id = fields.CharField(max_length=64)
    subject = fields.CharField(max_length=64)
    agency = fields.CharField(max_length=64)
    dataset = fields.CharField(max_length=100)
    recipient = fields.CharField(max_length=64)
    purpose = fields.CharField(max_length=64)
    outcome = fields.CharField(max_length=64)
    at = UtcDatetimeField()

    class Meta:
        table = "exchange_access_event"
        indexes = (("subject",),)


class TallyRow(Model):
    """How many records there are of one day in China, agency, dataset, purpose and outcome; of nobody in particular."""

    id = fields.CharField(max_length=340, primary_key=True)
    day = fields.CharField(max_length=10, db_index=True)
    agency = fields.CharField(max_length=64)
    dataset = fields.CharField(max_length=100)
    purpose = fields.CharField(max_length=64)
    outcome = fields.CharField(max_length=64)
    count = fields.BigIntField()

    class Meta:
        table = "exchange_tally"


class RefusedCallRow(Model):
    """How many calls for data a caller was refused in one day in China that name no consent that there is; `caller` is
    empty for citizens.
    """

    id = fields.CharField(max_length=260, primary_key=True)
    day = fields.CharField(max_length=10, db_index=True)
    caller = fields.CharField(max_length=128)
    role = fields.CharField(max_length=16)
    wanted = fields.CharField(max_length=8)
    outcome = fields.CharField(max_length=64)
    count = fields.BigIntField()

    class Meta:
        table = "exchange_refused_call"


class TurnedAwayRow(Model):
    """How often the same call for data was refused at the door since this was last recorded (`stored_refusals.py`)."""

    id = fields.CharField(max_length=64, primary_key=True)
    consent_id = fields.CharField(max_length=64, db_index=True)
    is_action = fields.BooleanField()
    name = fields.CharField(max_length=128)
    code = fields.CharField(max_length=64)
    requested_by = fields.CharField(max_length=128)
    caller = fields.CharField(max_length=128)
    role = fields.CharField(max_length=16)
    count = fields.BigIntField()

    class Meta:
        table = "exchange_turned_away"


class NoticeRow(Model):
    """One notice to a person; `body` is under their key. `held_day`: it waits for the digest of that day."""

    id = fields.CharField(max_length=64, primary_key=True)
    subject = fields.CharField(max_length=64)
    at = UtcDatetimeField()
    body = fields.BinaryField()
    read_at = UtcDatetimeField(null=True)
    held_day = fields.CharField(max_length=10, null=True, db_index=True)

    class Meta:
        table = "exchange_notice"
        indexes = (("subject", "at", "id"),)


class NoticePreferenceRow(Model):
    """A person who wants one notice a day."""

    subject = fields.CharField(max_length=64, primary_key=True)
    daily_digest = fields.BooleanField()

    class Meta:
        table = "exchange_notice_preference"


class QuotaRow(Model):
    """Reads of one dataset or uses of one action under one consent, "<consent>/<dataset or action>": those that took
    place and those under way.
    """

    id = fields.CharField(max_length=170, primary_key=True)
    used = fields.IntField()

    class Meta:
        table = "exchange_quota"


@dataclass(slots=True)
class StoredRead:
    """A `ReadRow` outside the database."""

    id: str
    consent_id: str
    fingerprint: bytes
    phase: Phase | None = None
    running_until: datetime | None = None
    envelope: bytes | None = None
    keep_until: datetime | None = None
    refusal: dict[str, str] | None = None
    access_record_id: str | None = None
    wanted: dict[str, Any] | None = None


@dataclass(frozen=True)
class Volume:
    """How many records there are of one cell."""

    day: str
    agency: str
    dataset: str
    purpose: str
    outcome: str
    count: int


class ExchangeStore:
    """The only place of the exchange that speaks SQL. Reads are a hot path: plain statements for many at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reads(self, ids: Collection[str]) -> dict[str, StoredRead]:
        """Those of these requests that are known, by id."""
        return {row["id"]: _read_of(row) for row in await self._database.fetch_in(_SELECT_READS, ids)}

    async def put_reads(self, reads: Iterable[StoredRead]) -> None:
        """Store requests as they stand now."""
        await self._database.execute_many(_PUT_READ, [_read_values(read) for read in reads])

    async def forget_answers(self, consent_id: str) -> None:
        """Drop every sealed answer under this consent."""
        await ReadRow.filter(consent_id=consent_id, envelope__isnull=False).update(envelope=None)
        await ActionRow.filter(consent_id=consent_id, envelope__isnull=False).update(envelope=None)

    async def forget_answers_before(self, now: datetime) -> int:
        """Drop the sealed answers whose time is over; how many."""
        dropped = await ActionRow.filter(keep_until__lte=now).update(envelope=None, keep_until=None)
        return dropped + await ReadRow.filter(keep_until__lte=now).update(envelope=None, keep_until=None)

    async def forget_consents(self, quotas: Mapping[str, Collection[str]]) -> None:
        """Delete every request and count under these consents; each with the datasets and actions that it granted."""
        await ReadRow.filter(consent_id__in=list(quotas)).delete()
        await ActionRow.filter(consent_id__in=list(quotas)).delete()
        keys = [quota_key(consent_id, dataset) for consent_id, datasets in quotas.items() for dataset in datasets]
        await QuotaRow.filter(id__in=keys).delete()

    async def volumes(self, from_day: str, to_day: str, agency: str) -> list[Volume]:
        """The cells of these days, in order."""
        rows = TallyRow.filter(day__gte=from_day, day__lte=to_day)
        rows = rows.filter(agency=agency) if agency else rows
        return [
            Volume(row.day, row.agency, row.dataset, row.purpose, row.outcome, row.count)
            for row in await rows.order_by("day", "agency", "dataset", "purpose", "outcome")
        ]

    async def forget_person(self, subject: str) -> None:
        """Delete what waits to be told to a person, their inbox and what they chose for it."""
        await AccessEventRow.filter(subject=subject).delete()
        await NoticeRow.filter(subject=subject).delete()
        await NoticePreferenceRow.filter(subject=subject).delete()

    async def is_running(self, consent_id: str, now: datetime) -> bool:
        """Whether a request under this consent is under way whose process is not taken for dead."""
        rows = ReadRow.filter(consent_id=consent_id, phase=Phase.RUNNING, running_until__gt=now)
        return await rows.exists()

    async def running(self, consent_ids: Collection[str]) -> dict[str, str]:
        """Ids of requests under way under these consents, each with its consent's id: reads, then actions."""
        acting = {f"action {name}": consent_id for name, consent_id in (await self.acting(consent_ids)).items()}
        return await self.reading(consent_ids) | acting

    async def reading(self, consent_ids: Collection[str]) -> dict[str, str]:
        """Ids of reads under way under these consents, each with its consent's id."""
        sql = "SELECT id, consent_id FROM exchange_read WHERE phase = $1 AND consent_id IN $in"
        rows = await self._database.fetch_in(sql, consent_ids, Phase.RUNNING.value)
        return {row["id"]: row["consent_id"] for row in rows}

    async def acting(self, consent_ids: Collection[str]) -> dict[str, str]:
        """Ids of actions under these consents whose end is not known, each with its consent's id."""
        sql = "SELECT id, consent_id FROM exchange_action WHERE phase IN ($1, $2) AND consent_id IN $in"
        rows = await self._database.fetch_in(sql, consent_ids, ActionPhase.RUNNING.value, ActionPhase.OPEN.value)
        return {row["id"]: row["consent_id"] for row in rows}

    async def abandoned(self, before: datetime, most: int) -> list[StoredRead]:
        """Requests under way whose time was over before this moment: the process that ran them is gone."""
        rows = ReadRow.filter(phase=Phase.RUNNING, running_until__lt=before).order_by("running_until").limit(most)
        return list((await self.reads([row.id for row in await rows.only("id")])).values())

    async def used(self, keys: Collection[str]) -> dict[str, int]:
        """Reads counted so far, by quota key (`quota_key`); nothing of those never counted."""
        rows = await self._database.fetch_in("SELECT id, used FROM exchange_quota WHERE id IN $in", keys)
        return {row["id"]: row["used"] for row in rows}

    async def count(self, changes: Mapping[str, int]) -> None:
        """Add to the counted reads; whoever compared `used` before holds the keys' locks."""
        sql = (
            "INSERT INTO exchange_quota (id, used) VALUES ($1, $2)"
            " ON CONFLICT (id) DO UPDATE SET used = exchange_quota.used + excluded.used"
        )
        await self._database.execute_many(sql, sorted(changes.items()))


def quota_key(consent_id: str, dataset: str) -> str:
    """The name under which the reads of one dataset under one consent are counted."""
    return f"{consent_id}/{dataset}"


_SELECT_READS = """
SELECT id, consent_id, fingerprint, phase, running_until, envelope, keep_until, refusal, access_record_id,
wanted FROM exchange_read WHERE id IN $in
"""
_PUT_READ = """
INSERT INTO exchange_read
(id, consent_id, fingerprint, phase, running_until, envelope, keep_until, refusal, access_record_id, wanted)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, running_until = excluded.running_until,
envelope = excluded.envelope, keep_until = excluded.keep_until, refusal = excluded.refusal,
access_record_id = excluded.access_record_id, wanted = excluded.wanted
"""


def _read_of(row: Mapping[str, Any]) -> StoredRead:
    return StoredRead(
        id=row["id"],
        consent_id=row["consent_id"],
        fingerprint=bytes(row["fingerprint"]),
        phase=Phase(row["phase"]),
        running_until=_TIME.to_python_value(row["running_until"]),
        envelope=None if row["envelope"] is None else bytes(row["envelope"]),
        keep_until=_TIME.to_python_value(row["keep_until"]),
        refusal=_json_of(row["refusal"]),
        access_record_id=row["access_record_id"],
        wanted=_json_of(row["wanted"]),
    )


def _read_values(read: StoredRead) -> tuple[Any, ...]:
    assert read.phase is not None, "only a read that was decided on is stored"
    # What a read wanted is told by its record once it has ended.
    wanted = read.wanted if read.phase is Phase.RUNNING else None
    return (
        read.id,
        read.consent_id,
        read.fingerprint,
        read.phase.value,
        read.running_until,
        read.envelope,
        read.keep_until,
        _text_of(read.refusal),
        read.access_record_id,
        _text_of(wanted),
    )


def _json_of(text: str | None) -> Any:
    return None if text is None else parse_json(text.encode("utf-8"))


def _text_of(value: dict[str, Any] | None) -> str | None:
    return None if value is None else canonicalise(value).decode("utf-8")
