"""The table of ERP connectors in trouble."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class ErpTroubleRow(Model):
    """A buyer's ERP connector that fails since a time: how often in a row, and with which code the last time."""

    buyer_uscc = fields.CharField(max_length=18, primary_key=True)
    failures = fields.IntField()
    since = UtcDatetimeField()
    code = fields.CharField(max_length=64)

    class Meta:
        table = "receivables_erp_trouble"
