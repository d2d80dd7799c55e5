"""Tables and queries of the convenience zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.convenience.states import TRANSITIONS, PaymentState
from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField


class PaymentRow(Model):
    """One payment; id "<subject>/<request id>". `details` (receipt number, agency's reason) is encrypted under the
    person's own key. Which fine or bill it was, the bank does not know.
    """

    id = fields.CharField(max_length=130, primary_key=True)
    subject = fields.CharField(max_length=64)
    request_id = fields.CharField(max_length=64)
    consent_id = fields.CharField(max_length=64)
    action_id = fields.CharField(max_length=100)
    agency = fields.CharField(max_length=64)
    state = fields.CharField(max_length=10)
    reserved_fen = fields.BigIntField()
    paid_fen = fields.BigIntField()
    details = fields.BinaryField(null=True)
    ordered_at = UtcDatetimeField()
    settled_at = UtcDatetimeField(null=True)
    # What one operator says of its end, where the agency cannot be heard, and who carried that out.
    proposal: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    proposed_by = fields.CharField(max_length=64, null=True)
    decided_by = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "convenience_payment"
        indexes = (("subject", "ordered_at", "id"), ("state", "ordered_at"))
        constraints = (
            CheckConstraint(
                check="reserved_fen >= 0 AND paid_fen >= 0 AND paid_fen <= reserved_fen",
                name="convenience_payment_within_reserve",
            ),
            CheckConstraint(
                check="(state = 'PAID') OR (paid_fen = 0)",
                name="convenience_payment_paid_is_paid",
            ),
            CheckConstraint(
                check="decided_by IS NULL OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)",
                name="convenience_payment_four_eyes",
            ),
        )


class PaidOverRow(Model):
    """What was owed to an agency and went to its treasury account; never changed (triggers)."""

    payover_id = fields.CharField(max_length=64, primary_key=True)
    agency = fields.CharField(max_length=64, db_index=True)
    amount_fen = fields.BigIntField()
    journal_id = fields.CharField(max_length=160)
    created_at = UtcDatetimeField()

    class Meta:
        table = "convenience_paid_over"
        constraints = (CheckConstraint(check="amount_fen > 0", name="convenience_paid_over_amount"),)


class PaymentStore:
    """The only place of the convenience zone that speaks SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: PaymentRow) -> None:
        """A new payment; an integrity error when it exists."""
        await row.save(force_create=True)

    async def find(self, row_id: str) -> PaymentRow | None:
        """The payment, or None."""
        return await PaymentRow.get_or_none(id=row_id)

    async def reserved(self, row_id: str) -> PaymentRow:
        """A payment under way. Whoever calls holds the lock on its action, so nobody else ends it."""
        return await PaymentRow.get(id=row_id)

    async def move(self, row: PaymentRow, to: PaymentState) -> None:
        """Store a payment as it stands now, in its next state."""
        assert to in TRANSITIONS[PaymentState(row.state)], f"a payment goes from {row.state} to {to} nowhere"
        row.state = to
        await row.save()

    async def page(self, subject: str, after: PaymentRow | None, size: int) -> list[PaymentRow]:
        """A person's payments, newest first; those that follow `after` when it is given."""
        rows = PaymentRow.filter(subject=subject)
        if after is not None:
            rows = rows.filter(Q(ordered_at__lt=after.ordered_at) | Q(ordered_at=after.ordered_at, id__lt=after.id))
        return await rows.order_by("-ordered_at", "-id").limit(size)

    async def unresolved(self, after: PaymentRow | None, size: int) -> list[PaymentRow]:
        """Payments set aside, oldest first; those that follow `after` when it is given."""
        rows = PaymentRow.filter(state=PaymentState.RESERVED)
        if after is not None:
            rows = rows.filter(Q(ordered_at__gt=after.ordered_at) | Q(ordered_at=after.ordered_at, id__gt=after.id))
        return await rows.order_by("ordered_at", "id").limit(size)

    async def paid_over_exists(self, payover_id: str) -> bool:
        """Whether this id was used."""
        return await PaidOverRow.exists(payover_id=payover_id)

    async def add_paid_over(
        self, payover_id: str, agency: str, amount_fen: int, journal_id: str, now: datetime
    ) -> None:
        """Writes what went to a treasury."""
        row = PaidOverRow(payover_id=payover_id, agency=agency, amount_fen=amount_fen, journal_id=journal_id)
        row.created_at = now
        await row.save(force_create=True)

    async def paid_over(self) -> dict[str, int]:
        """What went to each agency's treasury, in fen."""
        rows = await self._database.fetch(
            "SELECT agency, SUM(amount_fen) AS fen FROM convenience_paid_over GROUP BY agency"
        )
        return {row["agency"]: int(row["fen"]) for row in rows}

    async def sums(self) -> tuple[int, dict[str, int]]:
        """In fen: what is set aside for payments under way, and what was paid to each agency."""
        rows = await self._database.fetch(
            "SELECT agency, state, SUM(reserved_fen) AS reserved, SUM(paid_fen) AS paid"
            " FROM convenience_payment GROUP BY agency, state"
        )
        reserved = sum(int(row["reserved"]) for row in rows if row["state"] == PaymentState.RESERVED)
        paid: dict[str, int] = {}
        for row in rows:
            paid[row["agency"]] = paid.get(row["agency"], 0) + int(row["paid"])
        return reserved, {agency: fen for agency, fen in paid.items() if fen}
