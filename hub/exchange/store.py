"""Tables and queries of the exchange: requests with their sealed answers, and quotas.

What a read delivered is kept as the sealed envelope only, so that a repeated request gets the first answer; the hub has
no key that opens it here. Access records are the ledger's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField


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

    class Meta:
        table = "exchange_read"
        indexes = (("consent_id", "phase"), ("keep_until",))


class QuotaRow(Model):
    """Reads of one dataset under one consent, "<consent>/<dataset>": those delivered and those under way."""

    id = fields.CharField(max_length=170, primary_key=True)
    used = fields.IntField()

    class Meta:
        table = "exchange_quota"


class ExchangeStore:
    """The only place of the exchange that speaks SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock_read(self, row_id: str) -> ReadRow | None:
        """The request with nobody else changing it until this transaction ends; or None."""
        await self._database.lock("exchange-read", row_id)
        return await ReadRow.get_or_none(id=row_id)

    async def put_read(self, row: ReadRow) -> None:
        """Store a request as it stands now."""
        await row.save(force_create=not row._saved_in_db)

    async def forget_answers(self, consent_id: str) -> None:
        """Drop every sealed answer under this consent."""
        await ReadRow.filter(consent_id=consent_id, envelope__isnull=False).update(envelope=None)

    async def forget_answers_before(self, now: datetime) -> int:
        """Drop the sealed answers whose time is over; how many."""
        return await ReadRow.filter(keep_until__lte=now).update(envelope=None, keep_until=None)

    async def others_running(self, row: ReadRow) -> bool:
        """Whether other requests under the same consent are under way."""
        rows = ReadRow.filter(consent_id=row.consent_id, phase=Phase.RUNNING)
        return await rows.exclude(id=row.id).exists()

    async def take_quota(self, consent_id: str, dataset: str, most: int) -> bool:
        """Count one more read if fewer than `most` are counted; one statement, so it is exact under any concurrency."""
        key = _quota_key(consent_id, dataset)
        await self._database.execute(
            "INSERT INTO exchange_quota (id, used) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING", key
        )
        taken = await self._database.execute(
            "UPDATE exchange_quota SET used = used + 1 WHERE id = $1 AND used < $2", key, most
        )
        return taken == 1

    async def give_back_quota(self, consent_id: str, dataset: str) -> None:
        """Uncount a read that delivered nothing."""
        key = _quota_key(consent_id, dataset)
        await self._database.execute("UPDATE exchange_quota SET used = used - 1 WHERE id = $1", key)

    async def used_up(self, consent_id: str, datasets: list[str], most: int) -> bool:
        """Whether every one of these datasets was read as often as allowed."""
        keys = [_quota_key(consent_id, dataset) for dataset in datasets]
        return await QuotaRow.filter(id__in=keys, used__gte=most).count() == len(keys)


def _quota_key(consent_id: str, dataset: str) -> str:
    return f"{consent_id}/{dataset}"
