"""Tables of applications for accounts. What one row can show is a constraint, so that no path in code can break it."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField

APPLICATION_ID_LENGTH = 48


class OpeningRow(Model):
    """One application. `open_uscc` is the enterprise's code while the application goes on: there is one at a time.

    `reasons` are findings as [code, kind of document or ""], `accepted` the codes that a person let pass; `steps`
    counts what happened. `uploaded_at` is the last upload of the newest submission, `result_at` when its result came,
    `due_at` when it was due; `closed_on` is the day on which the opened account was closed.
    """

    application_id = fields.CharField(max_length=APPLICATION_ID_LENGTH, primary_key=True)
    uscc = fields.CharField(max_length=18)
    open_uscc = fields.CharField(max_length=18, null=True, unique=True)
    name = fields.CharField(max_length=200)
    signer_id = fields.CharField(max_length=64)
    state = fields.CharField(max_length=16)
    reasons: fields.JSONField[list[list[str]]] = fields.JSONField()
    accepted: fields.JSONField[list[str]] = fields.JSONField()
    submissions = fields.IntField(db_default=0)
    steps = fields.IntField(db_default=0)
    account_number = fields.CharField(max_length=32, null=True, unique=True)
    created_at = UtcDatetimeField()
    changed_at = UtcDatetimeField()
    uploaded_at = UtcDatetimeField(null=True)
    result_at = UtcDatetimeField(null=True)
    due_at = UtcDatetimeField(null=True)
    opened_at = UtcDatetimeField(null=True)
    destroyed_at = UtcDatetimeField(null=True)
    closed_on = fields.DateField(null=True)

    class Meta:
        table = "onboarding_opening"
        indexes = (("uscc", "created_at"), ("state", "changed_at"), ("result_at",), ("closed_on",))
        constraints = (
            CheckConstraint(
                check="(state = 'OPENED') = (account_number IS NOT NULL)", name="onboarding_opened_account"
            ),
            CheckConstraint(check="closed_on IS NULL OR state = 'OPENED'", name="onboarding_closed_account"),
            CheckConstraint(
                check="(open_uscc IS NULL) = (state IN ('OPENED', 'REFUSED', 'WITHDRAWN', 'EXPIRED'))",
                name="onboarding_opening_one_open",
            ),
        )


class OpeningDocumentRow(Model):
    """A document of an application. `content` is encrypted under the application's own key; null once destroyed."""

    id = fields.BigIntField(primary_key=True)
    application_id = fields.CharField(max_length=APPLICATION_ID_LENGTH)
    uscc = fields.CharField(max_length=18)
    kind = fields.CharField(max_length=32)
    media_type = fields.CharField(max_length=64)
    size_bytes = fields.IntField()
    # In hex.
    sha256 = fields.CharField(max_length=64)
    valid_until = fields.DateField(null=True)
    content = fields.BinaryField(null=True)
    uploaded_at = UtcDatetimeField()

    class Meta:
        table = "onboarding_opening_document"
        unique_together = (("application_id", "kind"),)
        indexes = (("sha256",),)


class VisitRow(Model):
    """A booked visit: one of the numbered places of a branch at a time. Two can never have the same."""

    application_id = fields.CharField(max_length=APPLICATION_ID_LENGTH, primary_key=True)
    branch_code = fields.CharField(max_length=8)
    day = fields.DateField()
    slot = fields.CharField(max_length=5)
    place = fields.IntField()

    class Meta:
        table = "onboarding_visit"
        unique_together = (("branch_code", "day", "slot", "place"),)
        constraints = (CheckConstraint(check="place > 0", name="onboarding_visit_place"),)
