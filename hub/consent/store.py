"""Tables and queries of consent. Nothing here decides anything.

A consent row holds pseudonyms only; who the person is lies in `SealedSubjectRow`, sealed to each agency.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField


class ConsentRow(Model):
    """One consent; `signed` is empty until it is granted. Expiry is derived from `valid_until`, never stored."""

    id = fields.CharField(max_length=64, primary_key=True)
    subject = fields.CharField(max_length=64)
    state = fields.CharField(max_length=12)
    artefact = fields.BinaryField()
    agencies: fields.JSONField[list[str]] = fields.JSONField()
    signed = fields.BinaryField(null=True)
    valid_until = UtcDatetimeField()
    requested_at = UtcDatetimeField()
    granted_at = UtcDatetimeField(null=True)
    ended_at = UtcDatetimeField(null=True)

    class Meta:
        table = "consent_consent"
        indexes = (("subject", "requested_at", "id"),)


class SealedSubjectRow(Model):
    """A person's name, resident ID and salt, sealed to one agency for one consent; id "<consent>/<agency>"."""

    id = fields.CharField(max_length=130, primary_key=True)
    envelope = fields.BinaryField()

    class Meta:
        table = "consent_sealed_subject"


class RevocationRow(Model):
    """One revocation. Cursors grow without gaps in commit order, so a reader that has seen n has seen all up to n."""

    cursor = fields.BigIntField(primary_key=True, generated=False)
    consent_id = fields.CharField(max_length=64, unique=True)
    revoked_at = UtcDatetimeField()

    class Meta:
        table = "consent_revocation"


class ConsentStore:
    """The only place of the consent domain that speaks SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, row: ConsentRow) -> None:
        """Store a new consent."""
        await row.save(force_create=True)

    async def find(self, consent_id: str) -> ConsentRow | None:
        """The consent, or None."""
        return await ConsentRow.get_or_none(id=consent_id)

    async def find_all(self, consent_ids: Collection[str]) -> list[ConsentRow]:
        """Those of these consents that exist."""
        # A hot path: building the same query again and again would cost more than running it.
        rows = await self._database.fetch_in("SELECT * FROM consent_consent WHERE id IN $in", consent_ids)
        return [ConsentRow._init_from_db(**row) for row in rows]

    async def move_all(self, consent_ids: Collection[str], old: str, new: str) -> None:
        """Change the state of those of these consents that are in the old one."""
        if consent_ids:
            await ConsentRow.filter(id__in=list(consent_ids), state=old).update(state=new)

    async def lock(self, consent_id: str) -> ConsentRow | None:
        """The consent, with nobody else changing it until this transaction ends; or None."""
        await self._database.lock("consent", consent_id)
        return await self.find(consent_id)

    async def page(self, subject: str, after: ConsentRow | None, size: int) -> list[ConsentRow]:
        """A person's consents, newest first; those that follow `after` when it is given."""
        rows = ConsentRow.filter(subject=subject)
        if after is not None:
            same_moment = Q(requested_at=after.requested_at, id__lt=after.id)
            rows = rows.filter(Q(requested_at__lt=after.requested_at) | same_moment)
        return await rows.order_by("-requested_at", "-id").limit(size)

    async def add_sealed_subjects(self, consent_id: str, envelopes: Mapping[str, bytes]) -> None:
        """Keep each agency's sealed subject of this consent."""
        for agency, envelope in sorted(envelopes.items()):
            await SealedSubjectRow.create(id=f"{consent_id}/{agency}", envelope=envelope)

    async def sealed_subjects(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """The envelopes by consent id and agency, each of which only that agency can open; those that are known."""
        by_id = {f"{consent_id}/{agency}": (consent_id, agency) for consent_id, agency in wanted}
        rows = await self._database.fetch_in("SELECT id, envelope FROM consent_sealed_subject WHERE id IN $in", by_id)
        return {by_id[row["id"]]: bytes(row["envelope"]) for row in rows}

    async def add_revocation(self, consent_id: str, at: datetime) -> int:
        """Append to the revocations; the new cursor. Serialised, so that no reader can skip a late commit."""
        await self._database.lock("consent", "revocations")
        cursor = await self.last_cursor() + 1
        await RevocationRow.create(cursor=cursor, consent_id=consent_id, revoked_at=at)
        return cursor

    async def last_cursor(self) -> int:
        """The newest cursor, 0 when nothing was revoked yet."""
        newest = await RevocationRow.all().order_by("-cursor").first()
        return 0 if newest is None else newest.cursor

    async def revocations_after(self, cursor: int, size: int) -> Sequence[RevocationRow]:
        """Revocations after a cursor, oldest first."""
        return await RevocationRow.filter(cursor__gt=cursor).order_by("cursor").limit(size)
