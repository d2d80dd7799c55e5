"""Tables and queries of identity. A person is a network number and keys; no name and no resident ID comes here."""

from __future__ import annotations

import asyncio
from datetime import datetime

from huilian_protocol.errors import HuilianError
from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField

REVOKED_FRESH_S = 0.25
_REVOKED = "SELECT token_id FROM identity_revoked_token"


class PersonRow(Model):
    """A registered person: the pseudonym and the identity authority's binding of the present device key."""

    subject = fields.CharField(max_length=64, primary_key=True)
    key_binding = fields.TextField()
    registered_at = UtcDatetimeField()

    class Meta:
        table = "identity_person"


class EnterpriseRow(Model):
    """A registered enterprise with the certificate of its confirmation key and the key of its client assertions."""

    uscc = fields.CharField(max_length=18, primary_key=True)
    name = fields.CharField(max_length=200)
    confirmation_certificate_pem = fields.TextField()
    token_jwk: fields.JSONField[dict[str, str]] = fields.JSONField()
    registered_at = UtcDatetimeField()

    class Meta:
        table = "identity_enterprise"


class UsedProofRow(Model):
    """A login proof that counted once: a challenge or the jti of a client assertion, kept until it expires."""

    id = fields.CharField(max_length=200, primary_key=True)
    expires_at = UtcDatetimeField()

    class Meta:
        table = "identity_used_proof"
        indexes = (("expires_at",),)


class RevokedTokenRow(Model):
    """An access token that was ended before its time, kept until it would have ended anyway."""

    token_id = fields.CharField(max_length=64, primary_key=True)
    expires_at = UtcDatetimeField()

    class Meta:
        table = "identity_revoked_token"
        indexes = (("expires_at",),)


class ErasureRow(Model):
    """A person who had their data destroyed: the pseudonym as a tombstone, the certificate and what had to be kept."""

    id = fields.BigIntField(primary_key=True)
    subject = fields.CharField(max_length=64, unique=True)
    erasure_id = fields.CharField(max_length=64, unique=True)
    certificate = fields.TextField()
    retained: fields.JSONField[list[dict[str, str]]] = fields.JSONField()
    erased_at = UtcDatetimeField()

    class Meta:
        table = "identity_erasure"


class IdentityStore:
    """The only place of the identity domain that speaks SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revoked: set[str] = set()
        # Revoked here since the last look began, which may not have seen them.
        self._revoked_here: set[str] = set()
        self._revoked_fresh_until = 0.0

    async def person(self, subject: str) -> PersonRow | None:
        """The person, or None."""
        return await PersonRow.get_or_none(subject=subject)

    async def save_person(self, subject: str, key_binding: str, now: datetime) -> None:
        """Register a person, or replace the device key of one who registers again."""
        row = await self.person(subject)
        if row is None:
            await PersonRow.create(subject=subject, key_binding=key_binding, registered_at=now)
        else:
            row.key_binding = key_binding
            await row.save()

    async def forget_person(self, subject: str) -> None:
        """Delete a person's binding."""
        await PersonRow.filter(subject=subject).delete()

    async def erasure(self, subject: str) -> ErasureRow | None:
        """How a person was erased, or None."""
        return await ErasureRow.get_or_none(subject=subject)

    async def add_erasure(self, row: ErasureRow) -> ErasureRow:
        """Remember an erasure. Raises ALREADY_EXISTS when another person's has this id."""
        if await ErasureRow.filter(erasure_id=row.erasure_id).exists():
            raise HuilianError("ALREADY_EXISTS", resource="erasure")
        await row.save(force_create=True)
        return row

    async def count_erasures(self) -> int:
        """How many persons were erased; grows with each, whichever process did it."""
        return await ErasureRow.all().count()

    async def enterprise(self, uscc: str) -> EnterpriseRow | None:
        """The enterprise, or None."""
        return await EnterpriseRow.get_or_none(uscc=uscc)

    async def lock_enterprise(self, uscc: str) -> None:
        """Be the only one registering this code until the open transaction ends."""
        await self._database.lock("enterprise", uscc)

    async def insert_enterprise(self, row: EnterpriseRow) -> None:
        """Store a new enterprise."""
        await row.save(force_create=True)

    async def enterprises(self, after_uscc: str, size: int) -> list[EnterpriseRow]:
        """Enterprises in order of USCC that follow `after_uscc`."""
        return await EnterpriseRow.filter(uscc__gt=after_uscc).order_by("uscc").limit(size)

    async def use_proof(self, proof_id: str, expires_at: datetime, now: datetime) -> bool:
        """Remember a proof; False when it was used before. Forgets proofs that have expired meanwhile."""
        await UsedProofRow.filter(expires_at__lt=now).delete()
        try:
            async with self._database.savepoint():
                await UsedProofRow.create(id=proof_id, expires_at=expires_at)
        except IntegrityError:
            return False
        return True

    async def revoke_token(self, token_id: str, expires_at: datetime, now: datetime) -> None:
        """Remember that a token has ended; again is a no-op. Forgets those that are long past."""
        await RevokedTokenRow.filter(expires_at__lt=now).delete()
        await RevokedTokenRow.bulk_create(
            [RevokedTokenRow(token_id=token_id, expires_at=expires_at)], ignore_conflicts=True
        )
        self._database.after_commit(lambda: self._note_revoked(token_id))

    def _note_revoked(self, token_id: str) -> None:
        self._revoked.add(token_id)
        self._revoked_here.add(token_id)

    async def is_revoked(self, token_id: str) -> bool:
        """Whether this token was revoked. Asked on every call, so answered from memory.

        What this process revokes it knows at once, what another process revokes after `REVOKED_FRESH_S` at most.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._revoked_fresh_until:
            self._revoked_fresh_until = now + REVOKED_FRESH_S
            self._revoked_here = set()
            self._revoked = {row["token_id"] for row in await self._database.fetch(_REVOKED)} | self._revoked_here
        return token_id in self._revoked
