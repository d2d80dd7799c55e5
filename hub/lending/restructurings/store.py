"""The table of offers to restructure a loan."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH
from hub.platform.fields import UtcDatetimeField


class RestructuringRow(Model):
    """One offer, by its number of the loan; `terms` is the very text that the borrower signs. One at a time is open."""

    id = fields.BigIntField(primary_key=True)
    loan_id = fields.CharField(max_length=ID_LENGTH)
    number = fields.IntField()
    state = fields.CharField(max_length=8)
    terms = fields.BinaryField()
    offered_at = UtcDatetimeField()
    signed_at = UtcDatetimeField(null=True)

    class Meta:
        table = "lending_restructuring"
        unique_together = (("loan_id", "number"),)
        constraints = (
            CheckConstraint(check="(signed_at IS NOT NULL) = (state = 'SIGNED')", name="lending_restructuring_signed"),
            UniqueConstraint(fields=("loan_id",), name="lending_restructuring_one_open", condition="state = 'OFFERED'"),
        )
