"""Tables of loans on orders and on purchase histories."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.platform.fields import UtcDatetimeField


class OrderLoanRow(Model):
    """One application for a loan on an order, with the offer made on it. Rates are decimal text.

    At most one lives per order. `called_fen` of the lines is principal that no goods stand for any more.
    """

    loan_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=10)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    order_document_id = fields.CharField(max_length=200)
    order_number = fields.CharField(max_length=200)
    applicant_uscc = fields.CharField(max_length=PARTY_LENGTH)
    product_id = fields.CharField(max_length=32)
    principal_fen = fields.BigIntField()
    interest_fen = fields.BigIntField()
    fee_fen = fields.BigIntField()
    annual_rate = fields.CharField(max_length=20)
    apr = fields.CharField(max_length=20)
    value_date = fields.DateField()
    due_date = fields.DateField()
    terms: fields.JSONField[dict[str, Any]] = fields.JSONField()
    converted_rate = fields.CharField(max_length=20)
    reasons: fields.JSONField[list[dict[str, str]]] = fields.JSONField()
    decision_id = fields.CharField(max_length=ID_LENGTH)
    claim_id = fields.CharField(max_length=ID_LENGTH, null=True)
    offer_expires_at = UtcDatetimeField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_order_loan"
        indexes = (("applicant_uscc", "created_at", "loan_id"), ("claim_id",), ("state", "offer_expires_at"))
        constraints = (
            UniqueConstraint(
                fields=("buyer_uscc", "order_document_id"),
                name="lending_order_loan_one_live",
                condition="state IN ('OFFERED', 'SIGNED', 'DISBURSED')",
            ),
        )


class OrderLineRow(Model):
    """One line of an order under a loan, in fen: see `order_rules.OrderLine`."""

    id = fields.BigIntField(primary_key=True)
    loan: fields.ForeignKeyRelation[OrderLoanRow] = fields.ForeignKeyField(
        "lending.OrderLoanRow", on_delete=fields.RESTRICT, related_name="lines"
    )
    line_id = fields.CharField(max_length=200)
    ordered_fen = fields.BigIntField()
    principal_fen = fields.BigIntField()
    delivered_fen = fields.BigIntField()
    cancelled_fen = fields.BigIntField()
    converted_fen = fields.BigIntField()
    called_fen = fields.BigIntField()
    billed_before_fen = fields.BigIntField()

    class Meta:
        table = "lending_order_line"
        unique_together = (("loan", "line_id"),)
        constraints = (
            CheckConstraint(check="delivered_fen + cancelled_fen <= ordered_fen", name="lending_order_line_goods"),
            CheckConstraint(check="converted_fen + called_fen <= principal_fen", name="lending_order_line_principal"),
        )


class ConversionRow(Model):
    """A confirmed receivable that takes over its part of an order loan, id "<loan>:<receivable>": PENDING until its
    claim is decided, then CONVERTED or REFUSED; REFUSED also when the receivable is given up meanwhile.
    """

    id = fields.CharField(max_length=ID_LENGTH * 2 + 1, primary_key=True)
    loan_id = fields.CharField(max_length=ID_LENGTH)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    state = fields.CharField(max_length=10)
    claim_id = fields.CharField(max_length=ID_LENGTH)
    receivable_loan_id = fields.CharField(max_length=ID_LENGTH, null=True)
    principal_fen = fields.BigIntField()
    lent_fen = fields.BigIntField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_conversion"
        indexes = (("loan_id", "created_at"), ("claim_id",), ("receivable_id",), ("receivable_loan_id",))


class DealerLoanRow(Model):
    """One application for a dealer loan, with the offer made on it and, where a person decided, who and why."""

    loan_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=10)
    core_uscc = fields.CharField(max_length=PARTY_LENGTH)
    dealer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    limit_fen = fields.BigIntField()
    product_id = fields.CharField(max_length=32)
    principal_fen = fields.BigIntField()
    interest_fen = fields.BigIntField()
    fee_fen = fields.BigIntField()
    annual_rate = fields.CharField(max_length=20)
    apr = fields.CharField(max_length=20)
    value_date = fields.DateField()
    due_date = fields.DateField()
    terms: fields.JSONField[dict[str, Any]] = fields.JSONField()
    reasons: fields.JSONField[list[dict[str, str]]] = fields.JSONField()
    decision_id = fields.CharField(max_length=ID_LENGTH)
    proposed_by = fields.CharField(max_length=PARTY_LENGTH, null=True)
    proposal = fields.CharField(max_length=8, null=True)
    proposal_reason = fields.CharField(max_length=500, null=True)
    reviewed_by = fields.CharField(max_length=PARTY_LENGTH, null=True)
    review_reason = fields.CharField(max_length=500, null=True)
    offer_expires_at = UtcDatetimeField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_dealer_loan"
        indexes = (("dealer_uscc", "created_at", "loan_id"), ("state", "offer_expires_at"))
        constraints = (
            UniqueConstraint(
                fields=("dealer_uscc",), name="lending_dealer_one_live", condition="state IN ('REFERRED', 'OFFERED')"
            ),
            CheckConstraint(
                check="reviewed_by IS NULL OR (proposed_by IS NOT NULL AND reviewed_by <> proposed_by)",
                name="lending_dealer_four_eyes",
            ),
        )
