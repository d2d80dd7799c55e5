"""The table of disputes."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class DisputeRow(Model):
    """What a party said when it disputed a receivable; never changed but for how it ended."""

    dispute_id = fields.CharField(max_length=64, primary_key=True)
    receivable_id = fields.CharField(max_length=64, db_index=True)
    ground = fields.CharField(max_length=16)
    statement = fields.CharField(max_length=500)
    disputed_at = UtcDatetimeField()
    ended_at = UtcDatetimeField(null=True)
    ended_by = fields.CharField(max_length=18, null=True)

    class Meta:
        table = "receivables_dispute"
        constraints = (
            UniqueConstraint(
                fields=("receivable_id",), name="receivables_dispute_one_open", condition="ended_at IS NULL"
            ),
        )
