"""The table of courts' orders."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class FreezeRow(Model):
    """One court order over a receivable or a certificate; live until it is lifted. Several courts may wait in line."""

    freeze_id = fields.CharField(max_length=64, primary_key=True)
    kind = fields.CharField(max_length=12)
    object_id = fields.CharField(max_length=64)
    order_number = fields.CharField(max_length=100)
    authority = fields.CharField(max_length=100)
    frozen_at = UtcDatetimeField()
    lifted_at = UtcDatetimeField(null=True)
    lifting_order_number = fields.CharField(max_length=100, null=True)

    class Meta:
        table = "receivables_freeze"
        unique_together = (("kind", "object_id", "order_number"),)
        constraints = (
            CheckConstraint(
                check="(lifted_at IS NULL) = (lifting_order_number IS NULL)", name="receivables_freeze_lifted_by_order"
            ),
        )
