"""The table of findings of the rules of fraud."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class FindingRow(Model):
    """A rule of fraud that asks for a look at a receivable; `is_open` until the bank looked. Never deleted."""

    id = fields.BigIntField(primary_key=True)
    receivable_id = fields.CharField(max_length=64)
    rule = fields.CharField(max_length=32)
    rules_version = fields.CharField(max_length=16)
    repeats: fields.JSONField[list[str]] = fields.JSONField()
    is_open = fields.BooleanField()
    note = fields.CharField(max_length=500, db_default="")
    found_at = UtcDatetimeField()
    looked_at = UtcDatetimeField(null=True)

    class Meta:
        table = "receivables_finding"
        unique_together = (("receivable_id", "rule"),)
        indexes = (("is_open", "id"),)
