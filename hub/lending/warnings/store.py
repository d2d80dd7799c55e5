"""Tables of what persons of the bank look after: early warnings, and applications left to them."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.platform.fields import UtcDatetimeField


class WarningRow(Model):
    """What a rule found about a subject on a business day, with the facts; at most one of a subject is open.

    `changed_at` is when the state became what it is.
    """

    warning_id = fields.CharField(max_length=ID_LENGTH * 2, primary_key=True)
    rule = fields.CharField(max_length=32)
    rule_version = fields.IntField()
    rule_sha256 = fields.BinaryField()
    subject_kind = fields.CharField(max_length=10)
    subject = fields.CharField(max_length=ID_LENGTH)
    business_day = fields.DateField()
    level = fields.CharField(max_length=8)
    facts: fields.JSONField[dict[str, int]] = fields.JSONField()
    state = fields.CharField(max_length=12)
    acknowledged_by = fields.CharField(max_length=PARTY_LENGTH, db_default="")
    acknowledged_reason = fields.CharField(max_length=500, db_default="")
    resolved_by = fields.CharField(max_length=PARTY_LENGTH, db_default="")
    resolved_reason = fields.CharField(max_length=500, db_default="")
    changed_at = UtcDatetimeField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_warning"
        unique_together = (("rule", "subject_kind", "subject", "business_day"),)
        indexes = (("subject", "state"), ("created_at", "warning_id"))
        constraints = (
            UniqueConstraint(
                fields=("rule", "subject_kind", "subject"),
                name="lending_warning_one_open",
                condition="state IN ('RAISED', 'ACKNOWLEDGED')",
            ),
            CheckConstraint(check="level IN ('WATCH', 'AMBER', 'RED')", name="lending_warning_level"),
            CheckConstraint(
                check="acknowledged_by <> '' OR state NOT IN ('ACKNOWLEDGED', 'RESOLVED')",
                name="lending_warning_acknowledged_by_somebody",
            ),
            CheckConstraint(
                check="(state = 'RESOLVED') = (resolved_by <> '')", name="lending_warning_resolved_by_somebody"
            ),
        )


class WarningRoundRow(Model):
    """That a rule was evaluated on a business day, in which version, and how many warnings it gave."""

    round_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    rule_version = fields.IntField()
    found = fields.IntField()
    evaluated_at = UtcDatetimeField()

    class Meta:
        table = "lending_warning_round"


class ReferralRow(Model):
    """An application that a decision table left to a person, and what persons said; the amount in fen."""

    application_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    product_id = fields.CharField(max_length=32)
    applicant = fields.CharField(max_length=PARTY_LENGTH)
    amount_fen = fields.BigIntField()
    decision_id = fields.CharField(max_length=ID_LENGTH)
    reason_codes: fields.JSONField[list[str]] = fields.JSONField()
    state = fields.CharField(max_length=10)
    proposed_by = fields.CharField(max_length=PARTY_LENGTH)
    proposal = fields.CharField(max_length=8)
    proposal_reason = fields.CharField(max_length=500)
    decided_by = fields.CharField(max_length=PARTY_LENGTH)
    decided_reason = fields.CharField(max_length=500)
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_referral"
        indexes = (("state", "created_at", "application_id"),)
        constraints = (
            CheckConstraint(
                check="(decided_by <> '') = (state IN ('APPROVED', 'REJECTED'))", name="lending_referral_decided"
            ),
            CheckConstraint(check="decided_by = '' OR decided_by <> proposed_by", name="lending_referral_two_persons"),
        )
