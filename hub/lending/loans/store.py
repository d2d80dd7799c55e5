"""Tables of loans after signing: their events, interest by day, what is called in, collected and paid."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.platform.fields import UtcDatetimeField


class LoanRow(Model):
    """One loan: terms as signed. Everything else about it follows from its events."""

    loan_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    borrower = fields.CharField(max_length=PARTY_LENGTH)
    is_person = fields.BooleanField()
    product_id = fields.CharField(max_length=32)
    revolving = fields.BooleanField()
    limit_fen = fields.BigIntField()
    terms: fields.JSONField[dict[str, Any]] = fields.JSONField()
    maturity = fields.DateField()
    certificate_id = fields.CharField(max_length=ID_LENGTH, null=True)
    financing_id = fields.CharField(max_length=ID_LENGTH, null=True)
    claim_id = fields.CharField(max_length=ID_LENGTH, null=True)
    funder = fields.CharField(max_length=PARTY_LENGTH, null=True)
    closed = fields.BooleanField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_loan"
        indexes = (("borrower", "created_at", "loan_id"), ("claim_id",), ("certificate_id",))


class LoanEventRow(Model):
    """One event of a loan as booked; triggers refuse to change it. The parts are what it paid then, in fen."""

    id = fields.BigIntField(primary_key=True)
    loan: fields.ForeignKeyRelation[LoanRow] = fields.ForeignKeyField(
        "lending.LoanRow", on_delete=fields.RESTRICT, related_name="events"
    )
    sequence = fields.IntField()
    kind = fields.CharField(max_length=12)
    value_date = fields.DateField()
    amount_fen = fields.BigIntField()
    fees_part_fen = fields.BigIntField()
    interest_part_fen = fields.BigIntField()
    principal_part_fen = fields.BigIntField()
    booked_at = UtcDatetimeField()

    class Meta:
        table = "lending_loan_event"
        unique_together = (("loan", "sequence"),)
        constraints = (
            CheckConstraint(check="amount_fen > 0", name="lending_loan_event_amount"),
            CheckConstraint(
                check="kind <> 'REPAYMENT' OR fees_part_fen + interest_part_fen + principal_part_fen = amount_fen",
                name="lending_loan_event_spread",
            ),
        )


class LoanDetailRow(Model):
    """What an event says beyond its amount, and what it changed in the spread of others; never changed (triggers)."""

    id = fields.BigIntField(primary_key=True)
    loan: fields.ForeignKeyRelation[LoanRow] = fields.ForeignKeyField(
        "lending.LoanRow", on_delete=fields.RESTRICT, related_name="details"
    )
    sequence = fields.IntField()
    content: fields.JSONField[dict[str, Any]] = fields.JSONField()

    class Meta:
        table = "lending_loan_detail"
        unique_together = (("loan", "sequence"),)


class ClearingRow(Model):
    """A receivable whose buyer did not pay on the due date: since when, and whether it was paid later."""

    receivable_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    overdue = fields.BooleanField()
    overdue_since = fields.DateField()
    paid_on = fields.DateField(null=True)

    class Meta:
        table = "lending_clearing"
        indexes = (("buyer_uscc", "overdue"),)


class CallRow(Model):
    """A loan that was called in because the receivable under it was disputed or diluted."""

    loan_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    cause = fields.CharField(max_length=10)
    called_on = fields.DateField()
    due_on = fields.DateField()
    state = fields.CharField(max_length=8)
    times = fields.IntField()
    tried_on = fields.DateField(null=True)

    class Meta:
        table = "lending_call"
        indexes = (("state", "due_on"),)
        constraints = (CheckConstraint(check="called_on <= due_on", name="lending_call_days"),)


class CollectionEventRow(Model):
    """One step of collection on one overdue receivable, id "<receivable>:<step>": each is raised once."""

    event_id = fields.CharField(max_length=ID_LENGTH * 2, primary_key=True)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    step = fields.CharField(max_length=32)
    days_overdue = fields.IntField()
    raised_on = fields.DateField()
    resolved_at = UtcDatetimeField(null=True)
    resolved_by = fields.CharField(max_length=PARTY_LENGTH)
    note = fields.CharField(max_length=500)
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_collection_event"
        indexes = (("receivable_id", "created_at", "event_id"), ("created_at", "event_id"))
        constraints = (
            CheckConstraint(check="days_overdue > 0", name="lending_collection_event_late"),
            CheckConstraint(
                check="(resolved_at IS NULL) = (resolved_by = '')", name="lending_collection_event_resolved_by_somebody"
            ),
        )


class PartPaymentRow(Model):
    """One payment on a receivable that did not wait for the whole, in fen; never changed (triggers)."""

    payment_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    payer = fields.CharField(max_length=PARTY_LENGTH)
    amount_fen = fields.BigIntField()
    value_date = fields.DateField()
    unpaid_fen = fields.BigIntField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_part_payment"
        indexes = (("receivable_id", "created_at", "payment_id"),)
        constraints = (
            CheckConstraint(check="amount_fen > 0 AND unpaid_fen >= 0", name="lending_part_payment_amounts"),
        )
