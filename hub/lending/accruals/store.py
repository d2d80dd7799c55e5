"""The table of accrued interest, of which a day close writes a row for every loan."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH


class AccrualRow(Model):
    """The interest that one loan owed at the close of one day: a line of the sub-ledger behind ACCRUED_INTEREST.

    `accrued_fen` is the engine's figure by the loan's events up to `through_sequence`; `change_fen` the difference to
    the day before, which is in the books. The rest carries the loan to the next day: `accrual` and `per_unit` as
    `huilian_loans.Position` has them, valid until `next_turn`; no `basis` where only the engine can. Rows never change.
    No foreign key: they are written from the loans themselves, a million at a time.
    """

    id = fields.BigIntField(primary_key=True)
    business_day = fields.DateField()
    loan_id = fields.CharField(max_length=ID_LENGTH)
    through_sequence = fields.IntField()
    accrued_fen = fields.BigIntField()
    change_fen = fields.BigIntField()
    accrual = fields.DecimalField(max_digits=60, decimal_places=20)
    per_unit = fields.DecimalField(max_digits=60, decimal_places=20)
    basis = fields.CharField(max_length=8, null=True)
    next_turn = fields.DateField(null=True)

    class Meta:
        table = "lending_accrual"
        unique_together = (("business_day", "loan_id"),)
        constraints = (CheckConstraint(check="accrued_fen >= 0", name="lending_accrual_not_negative"),)
