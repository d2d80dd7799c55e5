"""Tables of the reconciliation: statements, their entries, what was matched, and cases."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField

ACCOUNT, STATEMENT, ENTRY, JOURNAL, CASE, PERSON = 96, 80, 96, 128, 40, 64


class StatementRow(Model):
    """One statement of the bank, never changed. `baseline_fen`: by how much the first one's opening balance was above
    what the books had by then, else 0.
    """

    statement_key = fields.CharField(max_length=STATEMENT, primary_key=True)
    statement_id = fields.CharField(max_length=35)
    account_id = fields.CharField(max_length=ACCOUNT)
    sequence = fields.BigIntField()
    from_date = fields.DateField()
    to_date = fields.DateField()
    opening_fen = fields.BigIntField()
    closing_fen = fields.BigIntField()
    baseline_fen = fields.BigIntField()
    entries = fields.IntField()
    content_sha256 = fields.BinaryField()
    imported_by = fields.CharField(max_length=PERSON)
    created_at = UtcDatetimeField()

    class Meta:
        table = "accounting_statement"
        constraints = (UniqueConstraint(fields=("account_id", "sequence"), name="accounting_statement_in_order"),)


class StatementEntryRow(Model):
    """One entry of a statement, never changed: `outcome` is what it was found to be on import. No names, no texts."""

    entry_id = fields.CharField(max_length=ENTRY, primary_key=True)
    statement_key = fields.CharField(max_length=STATEMENT)
    account_id = fields.CharField(max_length=ACCOUNT)
    booked_on = fields.DateField()
    amount_fen = fields.BigIntField()
    reference = fields.CharField(max_length=35)
    bank_reference = fields.CharField(max_length=35)
    outcome = fields.CharField(max_length=16)

    class Meta:
        table = "accounting_statement_entry"
        indexes = (("account_id", "booked_on"),)


class MatchedEntryRow(Model):
    """An entry that is accounted for, for good; the same `match_id` joins it to journals."""

    entry_id = fields.CharField(max_length=ENTRY, primary_key=True)
    match_id = fields.CharField(max_length=ENTRY + JOURNAL)
    created_at = UtcDatetimeField()

    class Meta:
        table = "accounting_matched_entry"


class MatchedJournalRow(Model):
    """What a journal does to an account that statements are of, once it is accounted for; never changed."""

    id = fields.BigIntField(primary_key=True)
    journal_id = fields.CharField(max_length=JOURNAL)
    account_id = fields.CharField(max_length=ACCOUNT)
    reference = fields.CharField(max_length=35)
    match_id = fields.CharField(max_length=ENTRY + JOURNAL)
    created_at = UtcDatetimeField()

    class Meta:
        table = "accounting_matched_journal"
        indexes = (("account_id", "reference"),)
        constraints = (UniqueConstraint(fields=("journal_id", "account_id"), name="accounting_matched_once"),)


class CaseRow(Model):
    """One difference that a person has to explain. `item_id` is an entry, a journal, or a payment in an ERP.

    `created_at` is when it was opened, `item_date` the day of what it is about.
    """

    case_id = fields.CharField(max_length=CASE, primary_key=True)
    source = fields.CharField(max_length=4)
    kind = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=20)
    account_id = fields.CharField(max_length=ACCOUNT)
    item_id = fields.CharField(max_length=JOURNAL)
    item_date = fields.DateField()
    amount_fen = fields.BigIntField()
    candidates: fields.JSONField[list[str]] = fields.JSONField()
    state = fields.CharField(max_length=8)
    resolution = fields.CharField(max_length=12)
    proposal: fields.JSONField[dict[str, Any]] = fields.JSONField()
    proposed_by = fields.CharField(max_length=PERSON, null=True)
    decided_by = fields.CharField(max_length=PERSON, null=True)
    created_at = UtcDatetimeField()
    closed_at = UtcDatetimeField(null=True)

    class Meta:
        table = "accounting_case"
        indexes = (("state", "created_at", "case_id"), ("account_id", "state", "item_date"))
        constraints = (
            CheckConstraint(
                check="decided_by IS NULL OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)",
                name="accounting_case_four_eyes",
            ),
            CheckConstraint(check="(state = 'CLOSED') = (closed_at IS NOT NULL)", name="accounting_case_closed"),
        )


class CaseEventRow(Model):
    """One step in the life of a case; never changed and never deleted (triggers refuse it)."""

    id = fields.BigIntField(primary_key=True)
    case_id = fields.CharField(max_length=CASE, db_index=True)
    step = fields.CharField(max_length=10)
    actor = fields.CharField(max_length=PERSON)
    note = fields.CharField(max_length=500)
    created_at = UtcDatetimeField()

    class Meta:
        table = "accounting_case_event"
