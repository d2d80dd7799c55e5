"""Tables and queries of onboarding. A legal person is a commitment and a key here, never a name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from huilian_protocol.jose import jwk_to_public_key, public_key_to_jwk
from huilian_protocol.signers import Mandate, Power, SignerChange
from tortoise import fields
from tortoise.models import Model

from hub.onboarding.rules import Signer
from hub.onboarding.states import VerificationState
from hub.onboarding.store_openings import OpeningDocumentRow as OpeningDocumentRow
from hub.onboarding.store_openings import OpeningRow as OpeningRow
from hub.onboarding.store_openings import VisitRow as VisitRow
from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField


class VerificationRow(Model):
    """The newest comparison of an enterprise with the registry; `changes` counts the changes of its signers."""

    uscc = fields.CharField(max_length=18, primary_key=True)
    name = fields.CharField(max_length=200)
    state = fields.CharField(max_length=16)
    reasons: fields.JSONField[list[str]] = fields.JSONField()
    legal_person_commitment = fields.BinaryField()
    legal_person_jwk: fields.JSONField[dict[str, str]] = fields.JSONField()
    changes = fields.BigIntField(db_default=0)
    checked_at = UtcDatetimeField()

    class Meta:
        table = "onboarding_verification"


class SignerRow(Model):
    """One signer as the last change left it; without powers it is dismissed and kept."""

    id = fields.BigIntField(primary_key=True)
    uscc = fields.CharField(max_length=18)
    signer_id = fields.CharField(max_length=64)
    jwk: fields.JSONField[dict[str, str]] = fields.JSONField()
    powers = fields.CharField(max_length=64)
    limit_fen = fields.BigIntField()

    class Meta:
        table = "onboarding_signer"
        unique_together = (("uscc", "signer_id"),)


class MandateRow(Model):
    """A signer's word for one act; `used_at` is when the act was done with it, and it is good for no other."""

    id = fields.BigIntField(primary_key=True)
    uscc = fields.CharField(max_length=18)
    power = fields.CharField(max_length=16)
    object_id = fields.CharField(max_length=64)
    signer_id = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    signature = fields.BinaryField()
    given_at = UtcDatetimeField()
    used_at = UtcDatetimeField(null=True)

    class Meta:
        table = "onboarding_mandate"
        indexes = (("uscc", "power", "object_id"),)


async def verification(uscc: str) -> VerificationRow | None:
    """What is known of an enterprise."""
    return await VerificationRow.get_or_none(uscc=uscc)


@dataclass(frozen=True, slots=True)
class Standing:
    """What every act of an enterprise asks: whether it is verified, and whether it has signers."""

    verified: bool
    has_signers: bool


_STANDING = """
SELECT state = 'VERIFIED' AS verified,
       EXISTS (SELECT 1 FROM onboarding_signer s WHERE s.uscc = v.uscc AND s.powers <> '') AS has_signers
FROM onboarding_verification v WHERE uscc = $1
"""


async def standing(database: Database, uscc: str) -> Standing:
    """By one statement: each transfer of a certificate asks it three times."""
    for row in await database.fetch(_STANDING, uscc):
        return Standing(bool(row["verified"]), bool(row["has_signers"]))
    return Standing(verified=False, has_signers=False)


async def save_verification(row: VerificationRow, is_new: bool) -> None:
    """Write a comparison."""
    await row.save(force_create=is_new)


async def signers(uscc: str) -> dict[str, Signer]:
    """All signers of an enterprise, dismissed ones too, by id."""
    rows = await SignerRow.filter(uscc=uscc).order_by("signer_id")
    return {row.signer_id: _signer(row) for row in rows}


async def apply_change(change: SignerChange) -> Signer:
    """Write a signer as a change says, and count the change."""
    columns = {
        "jwk": dict(public_key_to_jwk(change.public_key)),
        "powers": ",".join(sorted(change.powers)),
        "limit_fen": change.limit_fen,
    }
    await SignerRow.update_or_create(uscc=change.uscc, signer_id=change.signer_id, defaults=columns)
    await VerificationRow.filter(uscc=change.uscc).update(changes=change.number)
    return Signer(change.signer_id, change.public_key, change.powers, change.limit_fen)


async def add_mandate(mandate: Mandate, signature: bytes, now: dt.datetime) -> None:
    """Keep a signer's word."""
    await MandateRow.create(
        uscc=mandate.uscc,
        power=mandate.power.value,
        object_id=mandate.object_id,
        signer_id=mandate.signer_id,
        amount_fen=mandate.amount_fen,
        signature=signature,
        given_at=now,
    )


async def unused_mandates(uscc: str, power: Power, object_id: str) -> list[tuple[int, Mandate]]:
    """The words given for one act and not used yet, each with its number, the least amount first."""
    rows = await MandateRow.filter(uscc=uscc, power=power.value, object_id=object_id, used_at=None).order_by(
        "amount_fen", "id"
    )
    return [(row.id, Mandate(uscc, power, object_id, row.amount_fen, row.signer_id)) for row in rows]


async def use_mandate(number: int, now: dt.datetime) -> bool:
    """Use a word up; False when another act did so first."""
    return bool(await MandateRow.filter(id=number, used_at=None).update(used_at=now))


async def verified_before(moment: dt.datetime, limit: int) -> list[VerificationRow]:
    """Enterprises that were verified and not looked at since, the longest ago first."""
    query = VerificationRow.filter(state=VerificationState.VERIFIED.value, checked_at__lt=moment)
    return await query.order_by("checked_at", "uscc").limit(limit)


def _signer(row: SignerRow) -> Signer:
    powers = frozenset(Power(one) for one in row.powers.split(",") if one)
    return Signer(row.signer_id, jwk_to_public_key(row.jwk), powers, row.limit_fen)
