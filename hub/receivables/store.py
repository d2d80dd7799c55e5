"""Tables of trade documents, receivables and certificates. The statements on them are in the `stored_*` modules.

Invariants that one row can show are constraints of the database, so no code path can break them:
redeemed <= issued <= amount, nothing issued before the buyer confirmed, one receivable per invoice, one output per
place.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
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


class ErpTroubleRow(Model):
    """A buyer's ERP connector that fails since a time: how often in a row, and with which code the last time."""

    buyer_uscc = fields.CharField(max_length=18, primary_key=True)
    failures = fields.IntField()
    since = UtcDatetimeField()
    code = fields.CharField(max_length=64)

    class Meta:
        table = "receivables_erp_trouble"


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


class FindingRow(Model):
    """A rule of fraud that asks for a look at a receivable; `is_open` until the bank looked. Never deleted."""

    id = fields.BigIntField(primary_key=True)
    receivable_id = fields.CharField(max_length=64)
    rule = fields.CharField(max_length=32)
    rules_version = fields.CharField(max_length=16)
    repeats: fields.JSONField[list[str]] = fields.JSONField()
    is_open = fields.BooleanField()
    note = fields.CharField(max_length=500, db_default="")
    found_at = UtcDatetimeField()
    looked_at = UtcDatetimeField(null=True)

    class Meta:
        table = "receivables_finding"
        unique_together = (("receivable_id", "rule"),)
        indexes = (("is_open", "id"),)


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
