"""Table of payments that are posted back to enterprises' ERPs."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.platform.fields import UtcDatetimeField


class ErpPaymentRow(Model):
    """One payment on a buyer's payable, to be posted in the buyer's own ledger; `entry_number` is the ERP's.

    Written with the journals that paid it. Only `state`, `entry_number`, `reason`, `attempts` and `agreed` change;
    `agreed` tells that a comparison found nothing to say about the payment's invoice.
    """

    payment_id = fields.CharField(max_length=2 * ID_LENGTH, primary_key=True)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    invoice_document_id = fields.CharField(max_length=ID_LENGTH)
    amount_fen = fields.BigIntField()
    value_date = fields.DateField()
    state = fields.CharField(max_length=8)
    entry_number = fields.CharField(max_length=64)
    reason = fields.CharField(max_length=32)
    attempts = fields.IntField()
    created_at = UtcDatetimeField()
    agreed = fields.BooleanField(db_default=False)

    class Meta:
        table = "lending_erp_payment"
        indexes = (("buyer_uscc", "created_at", "payment_id"), ("buyer_uscc", "agreed"), ("invoice_document_id",))
        constraints = (
            CheckConstraint(check="amount_fen > 0", name="lending_erp_payment_amount"),
            CheckConstraint(check="(state = 'POSTED') = (entry_number <> '')", name="lending_erp_payment_posted"),
        )
