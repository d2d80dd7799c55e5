"""Tables of sales to dealers, and of the consents to their use."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class SaleRow(Model):
    """What a core enterprise invoiced to a dealer, in the newest version that its ERP told. `paid_on` is empty until
    it was paid.
    """

    id = fields.BigIntField(primary_key=True)
    core_uscc = fields.CharField(max_length=18)
    document_id = fields.CharField(max_length=200)
    version = fields.BigIntField()
    dealer_uscc = fields.CharField(max_length=18)
    number = fields.CharField(max_length=200)
    issue_date = fields.DateField()
    due_date = fields.DateField()
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=32)
    paid_on = fields.DateField(null=True)

    class Meta:
        table = "receivables_sale"
        unique_together = (("core_uscc", "document_id"),)
        indexes = (("core_uscc", "issue_date"), ("core_uscc", "dealer_uscc", "issue_date"))
        constraints = (CheckConstraint(check="amount_fen > 0", name="receivables_sale_amount"),)


class SalesCursorRow(Model):
    """How far a core enterprise's sales were read."""

    core_uscc = fields.CharField(max_length=18, primary_key=True)
    cursor = fields.CharField(max_length=256)

    class Meta:
        table = "receivables_sales_cursor"


class SalesConsentRow(Model):
    """That a party lets the bank decide on a core enterprise's sales: the core enterprise itself, or one dealer."""

    id = fields.BigIntField(primary_key=True)
    core_uscc = fields.CharField(max_length=18)
    party_uscc = fields.CharField(max_length=18)
    since = UtcDatetimeField()

    class Meta:
        table = "receivables_sales_consent"
        unique_together = (("core_uscc", "party_uscc"),)
