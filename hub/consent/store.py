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

# States from which something may still be read or granted again.
LIVE = ("GRANTED", "PAUSED", "EXHAUSTED")


class ConsentRow(Model):
    """The newest granted version of a consent, or its first draft; `signed` is empty until it is granted.

    Expiry is derived from `valid_until`, never stored. `signer` is the delegate, where the subject does not sign;
    `stopped` lists the datasets and actions that were revoked by themselves.
    """

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
    signer = fields.CharField(max_length=64, null=True)
    delegation = fields.BinaryField(null=True)
    stopped: fields.JSONField[list[str] | None] = fields.JSONField(null=True)
    pause_id = fields.CharField(max_length=32, null=True)
    paused_by = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "consent_consent"
        indexes = (("subject", "requested_at", "id"), ("signer", "requested_at", "id"))


class VersionRow(Model):
    """Another version of a consent than the one in force, id "<consent>/<version>": a draft to be signed (REQUESTED),
    or one that was replaced (SUPERSEDED), with the reads that had been taken by then.
    """

    id = fields.CharField(max_length=72, primary_key=True)
    state = fields.CharField(max_length=12)
    artefact = fields.BinaryField()
    agencies: fields.JSONField[list[str]] = fields.JSONField()
    signed = fields.BinaryField(null=True)
    delegation = fields.BinaryField(null=True)
    granted_at = UtcDatetimeField(null=True)
    ended_at = UtcDatetimeField(null=True)
    reads: fields.JSONField[dict[str, int] | None] = fields.JSONField(null=True)

    class Meta:
        table = "consent_version"


class SealedSubjectRow(Model):
    """A person's name, resident ID and salt, sealed to one agency for one consent; id "<consent>/<agency>"."""

    id = fields.CharField(max_length=130, primary_key=True)
    envelope = fields.BinaryField()

    class Meta:
        table = "consent_sealed_subject"


class NoticeRow(Model):
    """One change that edges must know of. Cursors grow without gaps in commit order, so a reader that has seen n has
    seen all up to n.
    """

    cursor = fields.BigIntField(primary_key=True, generated=False)
    consent_id = fields.CharField(max_length=64)
    change = fields.CharField(max_length=16)
    at = UtcDatetimeField()
    version = fields.IntField()
    dataset_id = fields.CharField(max_length=128, null=True)
    pause_id = fields.CharField(max_length=32, null=True)
    artefact_sha256 = fields.BinaryField(null=True)
    resumption = fields.BinaryField(null=True)

    class Meta:
        table = "consent_notice"
        indexes = (("consent_id", "cursor"),)


class DelegationRevocationRow(Model):
    """A delegation that was taken back; id is the SHA-256 of its statement in hex."""

    id = fields.CharField(max_length=64, primary_key=True)
    at = UtcDatetimeField()

    class Meta:
        table = "consent_delegation_revocation"


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

    async def end_all(self, consent_ids: Collection[str], old: str, new: str, at: datetime) -> None:
        """Change the state of those of these consents that are in the old one."""
        if consent_ids:
            await ConsentRow.filter(id__in=list(consent_ids), state=old).update(state=new, ended_at=at)

    async def lock(self, consent_id: str) -> ConsentRow | None:
        """The consent, with nobody else changing it until this transaction ends; or None."""
        await self._database.lock("consent", consent_id)
        return await self.find(consent_id)

    async def lock_delegation(self, statement_sha256: bytes) -> DelegationRevocationRow | None:
        """When a delegation was taken back, or None; nobody changes it until this transaction ends."""
        await self._database.lock("delegation", statement_sha256.hex())
        return await DelegationRevocationRow.get_or_none(id=statement_sha256.hex())

    async def put_delegation_revocation(self, statement_sha256: bytes, at: datetime) -> None:
        """Keep that a delegation was taken back."""
        await DelegationRevocationRow.create(id=statement_sha256.hex(), at=at)

    async def live_delegated(self, subject: str) -> list[ConsentRow]:
        """The consents about a subject, signed by somebody else, that may still allow something; locked."""
        rows = ConsentRow.filter(subject=subject, signer__isnull=False, state__in=LIVE).order_by("id")
        await self._database.lock_all([("consent", row.id) for row in await rows.only("id")])
        return await rows.all()

    async def delegation_of(self, consent_id: str, version: int) -> bytes | None:
        """The chain with which this version was prepared, or None."""
        row = await self.find_version(consent_id, version) or await self.find(consent_id)
        return None if row is None or row.delegation is None else bytes(row.delegation)

    async def page(self, party: str, after: ConsentRow | None, size: int) -> list[ConsentRow]:
        """The consents about a party or signed by it, newest first; those that follow `after` when it is given."""
        rows = ConsentRow.filter(Q(subject=party) | Q(signer=party))
        if after is not None:
            same_moment = Q(requested_at=after.requested_at, id__lt=after.id)
            rows = rows.filter(Q(requested_at__lt=after.requested_at) | same_moment)
        return await rows.order_by("-requested_at", "-id").limit(size)

    async def put_version(self, row: VersionRow) -> None:
        """Store a version beside the one in force, in place of an earlier draft of it."""
        await VersionRow.filter(id=row.id).delete()
        await row.save(force_create=True)

    async def find_version(self, consent_id: str, version: int) -> VersionRow | None:
        """That version, unless it is the one in force; or None."""
        return await VersionRow.get_or_none(id=version_id(consent_id, version))

    async def drop_version(self, row: VersionRow) -> None:
        """Forget a draft."""
        await row.delete()

    async def put_sealed_subjects(self, consent_id: str, envelopes: Mapping[str, bytes]) -> None:
        """Keep each agency's sealed subject of this consent, in place of what was kept before."""
        await SealedSubjectRow.filter(id__in=[f"{consent_id}/{agency}" for agency in envelopes]).delete()
        for agency, envelope in sorted(envelopes.items()):
            await SealedSubjectRow.create(id=f"{consent_id}/{agency}", envelope=envelope)

    async def sealed_subjects(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """The envelopes by consent id and agency, each of which only that agency can open; those that are known."""
        by_id = {f"{consent_id}/{agency}": (consent_id, agency) for consent_id, agency in wanted}
        rows = await self._database.fetch_in("SELECT id, envelope FROM consent_sealed_subject WHERE id IN $in", by_id)
        return {by_id[row["id"]]: bytes(row["envelope"]) for row in rows}

    async def next_cursor(self) -> int:
        """The cursor of the next notice, nobody else's until this transaction ends: so no reader can skip one that
        commits late, whichever process writes it.
        """
        await self._database.lock("consent", "notices")
        newest = await NoticeRow.all().order_by("-cursor").first()
        return 1 if newest is None else newest.cursor + 1

    async def add_notice(self, row: NoticeRow) -> None:
        """Append a notice under a cursor from `next_cursor`."""
        await row.save(force_create=True)

    async def notices_after(self, cursor: int, size: int) -> Sequence[NoticeRow]:
        """Notices after a cursor, oldest first."""
        # Looked for five times a second; as in `find_all`.
        sql = "SELECT * FROM consent_notice WHERE cursor > $1 ORDER BY cursor LIMIT $2"
        return [NoticeRow._init_from_db(**row) for row in await self._database.fetch(sql, cursor, size)]

    async def notices_of(self, consent_id: str) -> Sequence[NoticeRow]:
        """Every notice about one consent, oldest first."""
        return await NoticeRow.filter(consent_id=consent_id).order_by("cursor")


def version_id(consent_id: str, version: int) -> str:
    """The name of one version."""
    return f"{consent_id}/{version}"
