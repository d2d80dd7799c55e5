"""Tables of the cover for claims."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class CoverWaitRow(Model):
    """A real claim that waits for a place in a batch; its owner commitment in hex names it."""

    owner_commitment = fields.CharField(max_length=44, primary_key=True)
    hold_id = fields.CharField(max_length=64)
    prints = fields.BinaryField()
    asked_at = UtcDatetimeField()

    class Meta:
        table = "ledger_cover_wait"


class CoverBatchRow(Model):
    """The batch of one beat. `seed` makes its cover; `deed` is the purpose of its newest transaction.

    `given_up` counts the claims that it gave up by schedule, `spent` (a JSON list) the places of cover among them;
    `release_deed` is the transaction that does it now, `next_release` the beat at which the next one is due.
    """

    beat = fields.BigIntField(primary_key=True, generated=False)
    sent_beat = fields.BigIntField()
    seed = fields.BinaryField()
    claims = fields.IntField()
    state = fields.CharField(max_length=10)
    deed = fields.CharField(max_length=80)
    given_up = fields.IntField(db_default=0)
    spent = fields.CharField(max_length=200, db_default="[]")
    release_deed = fields.CharField(max_length=80, db_default="")
    next_release = fields.BigIntField(null=True)

    class Meta:
        table = "ledger_cover_batch"
        indexes = (("state",), ("next_release",), ("release_deed",))


class CoverPlaceRow(Model):
    """A real claim at its place in a batch."""

    id = fields.BigIntField(primary_key=True)
    beat = fields.BigIntField()
    place = fields.IntField()
    owner_commitment = fields.CharField(max_length=44)
    prints = fields.BinaryField()

    class Meta:
        table = "ledger_cover_place"
        unique_together = (("beat", "place"),)
        indexes = (("owner_commitment",),)
