"""Tables of trade documents."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class DocumentRow(Model):
    """One version of a trade document. Never changed but for `is_current`, which moves to the newest version.

    `number_key` is the number of a goods receipt in one spelling, empty for other kinds.
    """

    id = fields.BigIntField(primary_key=True)
    buyer_uscc = fields.CharField(max_length=18)
    document_id = fields.CharField(max_length=200)
    version = fields.BigIntField()
    kind = fields.CharField(max_length=16)
    supplier_uscc = fields.CharField(max_length=18, db_default="")
    number_key = fields.CharField(max_length=200, db_default="")
    erp_state = fields.CharField(max_length=32)
    content: fields.JSONField[dict[str, Any]] = fields.JSONField()
    content_sha256 = fields.BinaryField()
    is_current = fields.BooleanField()
    imported_at = UtcDatetimeField()

    class Meta:
        table = "receivables_document"
        unique_together = (("buyer_uscc", "document_id", "version"),)
        indexes = (("supplier_uscc", "kind", "id"), ("buyer_uscc", "number_key"))
        constraints = (
            UniqueConstraint(
                fields=("buyer_uscc", "document_id"), name="receivables_document_current", condition="is_current"
            ),
        )


class DocumentOrderRow(Model):
    """Which orders any version of a document answered, and which invoices a credit note named.

    Only ever added to: a later version hides nothing.
    """

    id = fields.BigIntField(primary_key=True)
    buyer_uscc = fields.CharField(max_length=18)
    order_document_id = fields.CharField(max_length=200)
    document_id = fields.CharField(max_length=200)

    class Meta:
        table = "receivables_document_order"
        unique_together = (("buyer_uscc", "order_document_id", "document_id"),)
        indexes = (("buyer_uscc", "document_id"),)


class CursorRow(Model):
    """How far a buyer's ERP was read."""

    buyer_uscc = fields.CharField(max_length=18, primary_key=True)
    cursor = fields.CharField(max_length=256)

    class Meta:
        table = "receivables_cursor"
