"""The table of conflicts with other banks."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class ConflictRow(Model):
    """One conflict, as the counterpart stated it; `id` is that of its record in the log."""

    id = fields.CharField(max_length=100, primary_key=True)
    sequence = fields.BigIntField()
    claim_id = fields.CharField(max_length=64)
    refused = fields.BooleanField()
    counterpart_hub = fields.CharField(max_length=100)
    counterpart_claim_id = fields.CharField(max_length=200)
    counterpart_claimed_at = UtcDatetimeField()

    class Meta:
        table = "ledger_conflict"
        indexes = (("sequence",),)
