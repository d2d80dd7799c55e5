"""The table of receivables. The domain's tables are all known by this module; those of a part stand in its folder.

Invariants that one row can show are constraints of the database, so no code path can break them:
redeemed <= issued <= amount, nothing issued before the buyer confirmed, one receivable per invoice, one output per
place.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField
from hub.receivables.authenticity.store import InvoiceCheckRow as InvoiceCheckRow
from hub.receivables.certificates.store import CertificateRow as CertificateRow
from hub.receivables.disputes.store import DisputeRow as DisputeRow
from hub.receivables.freezes.store import FreezeRow as FreezeRow
from hub.receivables.repeats.store import FindingRow as FindingRow
from hub.receivables.sales.store import SaleRow as SaleRow
from hub.receivables.sales.store import SalesConsentRow as SalesConsentRow
from hub.receivables.sales.store import SalesCursorRow as SalesCursorRow
from hub.receivables.signs.store import ErpTroubleRow as ErpTroubleRow
from hub.receivables.trade.store import CursorRow as CursorRow
from hub.receivables.trade.store import DocumentOrderRow as DocumentOrderRow
from hub.receivables.trade.store import DocumentRow as DocumentRow


class ReceivableRow(Model):
    """One receivable.

    `invoice_key` (supplier and invoice number in its one spelling) is set once it matched and unique among all buyers.
    """

    receivable_id = fields.CharField(max_length=64, primary_key=True)
    state = fields.CharField(max_length=16)
    buyer_uscc = fields.CharField(max_length=18)
    supplier_uscc = fields.CharField(max_length=18)
    supplier_name = fields.CharField(max_length=200)
    invoice_document_id = fields.CharField(max_length=200)
    invoice_number = fields.CharField(max_length=200)
    invoice_key = fields.CharField(max_length=240, null=True, unique=True)
    issue_date = fields.DateField()
    due_date = fields.DateField()
    amount_fen = fields.BigIntField()
    issued_fen = fields.BigIntField()
    redeemed_fen = fields.BigIntField()
    direct_fen = fields.BigIntField(db_default=0)
    credited_fen = fields.BigIntField(db_default=0)
    reasons: fields.JSONField[list[dict[str, str]]] = fields.JSONField()
    evidence: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    confirmed_at = UtcDatetimeField(null=True)
    created_at = UtcDatetimeField()

    class Meta:
        table = "receivables_receivable"
        unique_together = (("buyer_uscc", "invoice_document_id"),)
        indexes = (
            ("buyer_uscc", "created_at", "receivable_id"),
            ("supplier_uscc", "created_at", "receivable_id"),
            ("buyer_uscc", "supplier_uscc", "issue_date"),
            ("state", "due_date"),
        )
        constraints = (
            CheckConstraint(
                check="amount_fen > 0 AND issued_fen >= 0 AND issued_fen <= amount_fen",
                name="receivables_issued_within_amount",
            ),
            CheckConstraint(
                check="redeemed_fen >= 0 AND redeemed_fen <= issued_fen", name="receivables_redeemed_within_issued"
            ),
            CheckConstraint(
                check="direct_fen >= 0 AND direct_fen <= amount_fen - issued_fen", name="receivables_direct_within_rest"
            ),
            CheckConstraint(check="credited_fen >= 0", name="receivables_credited_takes_off"),
            CheckConstraint(
                check="state <> 'SETTLED' OR redeemed_fen + direct_fen = amount_fen", name="receivables_settled_is_paid"
            ),
            CheckConstraint(
                check="issued_fen = 0 OR state IN ('CERTIFICATED', 'SETTLED', 'OVERDUE', 'DEFAULTED')",
                name="receivables_issued_when_certificated",
            ),
            CheckConstraint(
                check="confirmed_at IS NOT NULL OR state IN ('DRAFT', 'MATCHED', 'DISPUTED', 'VOID')",
                name="receivables_confirmed_before_use",
            ),
            CheckConstraint(
                check="invoice_key IS NOT NULL OR state IN ('DRAFT', 'VOID')", name="receivables_matched_owns_invoice"
            ),
        )
