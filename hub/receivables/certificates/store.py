"""The table of certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField

if TYPE_CHECKING:
    from hub.receivables.store import ReceivableRow


class CertificateRow(Model):
    """One certificate.

    A child's place (`parent`, `output_index`) is unique: nothing is spent twice into the same place.
    """

    certificate_id = fields.CharField(max_length=64, primary_key=True)
    receivable: fields.ForeignKeyRelation[ReceivableRow] = fields.ForeignKeyField(
        "receivables.ReceivableRow", on_delete=fields.RESTRICT, related_name="certificates", db_index=True
    )
    parent: fields.ForeignKeyNullableRelation[CertificateRow] = fields.ForeignKeyField(
        "receivables.CertificateRow", null=True, on_delete=fields.RESTRICT, related_name="outputs"
    )
    output_index = fields.IntField()
    state = fields.CharField(max_length=16)
    issuer_uscc = fields.CharField(max_length=18)
    holder_uscc = fields.CharField(max_length=18)
    offered_by = fields.CharField(max_length=18)
    amount_fen = fields.BigIntField()
    redeemed_fen = fields.BigIntField(db_default=0)
    due_date = fields.DateField()
    financing_id = fields.CharField(max_length=64, null=True)
    created_at = UtcDatetimeField()

    receivable_id: str
    parent_id: str | None

    class Meta:
        table = "receivables_certificate"
        unique_together = (("parent", "output_index"),)
        indexes = (
            ("holder_uscc", "created_at", "certificate_id"),
            ("issuer_uscc", "created_at", "certificate_id"),
            ("offered_by", "created_at", "certificate_id"),
        )
        constraints = (
            CheckConstraint(check="amount_fen > 0", name="receivables_certificate_amount"),
            CheckConstraint(
                check="redeemed_fen >= 0 AND redeemed_fen <= amount_fen",
                name="receivables_certificate_redeemed_within_amount",
            ),
            CheckConstraint(
                check="(state = 'REDEEMED') = (redeemed_fen = amount_fen) AND (redeemed_fen = 0 OR state IN"
                " ('DUE', 'REDEEMED'))",
                name="receivables_certificate_redeemed_when_due",
            ),
            CheckConstraint(
                check="financing_id IS NOT NULL OR state NOT IN ('BLOCKED', 'FINANCED')",
                name="receivables_certificate_blocked_for_one",
            ),
        )
