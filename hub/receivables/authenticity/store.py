"""The table of what the tax authority said."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class InvoiceCheckRow(Model):
    """What the tax authority said of a receivable's invoice at a time: AUTHENTIC, or the rule that it breaks. Only ever
    added to.
    """

    id = fields.BigIntField(primary_key=True)
    receivable_id = fields.CharField(max_length=64)
    invoice_sha256 = fields.BinaryField()
    outcome = fields.CharField(max_length=32)
    checked_at = UtcDatetimeField()

    class Meta:
        table = "receivables_invoice_check"
        indexes = (("receivable_id", "id"),)
