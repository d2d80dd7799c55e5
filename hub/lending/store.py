"""Tables of lending. Invariants that one row can show are CHECKs, so that no path in code can break them."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.accrual_row import AccrualRow as AccrualRow  # its table is this domain's too
from hub.platform.fields import UtcDatetimeField

ID_LENGTH = 64
PARTY_LENGTH = 64


class LimitRow(Model):
    """A credit limit, see `limits.Dimension`: what of it is blocked by applications and utilised by loans, in fen."""

    limit_id = fields.CharField(max_length=ID_LENGTH * 2, primary_key=True)
    dimension = fields.CharField(max_length=10, db_default="PARTY")
    limit_fen = fields.BigIntField()
    blocked_fen = fields.BigIntField()
    utilised_fen = fields.BigIntField()

    class Meta:
        table = "lending_limit"
        constraints = (
            CheckConstraint(check="blocked_fen >= 0 AND utilised_fen >= 0", name="lending_limit_not_negative"),
            CheckConstraint(check="blocked_fen + utilised_fen <= limit_fen", name="lending_limit_kept"),
        )


class LimitUseRow(Model):
    """What one application or loan holds, in fen, of its party's limit for the product and of each limit that
    `LimitHoldRow` names for it: always the same of all.
    """

    reference = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    limit: fields.ForeignKeyRelation[LimitRow] = fields.ForeignKeyField(
        "lending.LimitRow", on_delete=fields.RESTRICT, related_name="uses", db_index=True
    )
    limit_id: str
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH, null=True)
    blocked_fen = fields.BigIntField()
    utilised_fen = fields.BigIntField()

    class Meta:
        table = "lending_limit_use"
        indexes = (("buyer_uscc",),)
        constraints = (
            CheckConstraint(check="blocked_fen >= 0 AND utilised_fen >= 0", name="lending_limit_use_not_negative"),
        )


class LimitHoldRow(Model):
    """A further limit of which a use holds its amounts: the supplier's, the core enterprise's, its group's, the
    product's.
    """

    id = fields.BigIntField(primary_key=True)
    reference = fields.CharField(max_length=ID_LENGTH)
    limit: fields.ForeignKeyRelation[LimitRow] = fields.ForeignKeyField(
        "lending.LimitRow", on_delete=fields.RESTRICT, related_name="holds", db_index=True
    )
    limit_id: str

    class Meta:
        table = "lending_limit_hold"
        unique_together = (("reference", "limit"),)


class GroupMemberRow(Model):
    """The group of companies that an enterprise belongs to, as an operator registered it."""

    uscc = fields.CharField(max_length=PARTY_LENGTH, primary_key=True)
    group_id = fields.CharField(max_length=ID_LENGTH)
    since = UtcDatetimeField()

    class Meta:
        table = "lending_group_member"
        indexes = (("group_id",),)


class DecisionRow(Model):
    """One decision with the facts it was made on, to be replayed. A person's facts are encrypted for them."""

    decision_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    subject = fields.CharField(max_length=PARTY_LENGTH, null=True)
    rule_table = fields.CharField(max_length=64)
    rule_version = fields.IntField()
    table_sha256 = fields.BinaryField()
    facts = fields.BinaryField()
    approved = fields.BooleanField()
    referred = fields.BooleanField(db_default=False)
    reason_codes: fields.JSONField[list[str]] = fields.JSONField()
    offer: fields.JSONField[dict[str, str]] = fields.JSONField()
    decided_at = UtcDatetimeField()

    class Meta:
        table = "lending_decision"
        indexes = (("decided_at", "rule_table"),)


class ClaimRow(Model):
    """Our lock on a receivable's invoice, or on an order ("order:<loan>"). At most one lives for each; the certificates
    over a receivable share it.
    """

    claim_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    receivable_id = fields.CharField(max_length=ID_LENGTH + 6)
    state = fields.CharField(max_length=10)

    class Meta:
        table = "lending_claim"
        constraints = (
            UniqueConstraint(
                fields=("receivable_id",), name="lending_claim_one_live", condition="state IN ('PENDING', 'FINANCED')"
            ),
        )


class FinancingRow(Model):
    """One application for a loan on a certificate, with the offer made on it. Rates are decimal text."""

    financing_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=10)
    certificate_id = fields.CharField(max_length=ID_LENGTH)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    applicant_uscc = fields.CharField(max_length=PARTY_LENGTH)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
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
    claim_id = fields.CharField(max_length=ID_LENGTH, null=True)
    loan_id = fields.CharField(max_length=ID_LENGTH, null=True)
    offer_expires_at = UtcDatetimeField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_financing"
        indexes = (("applicant_uscc", "created_at", "financing_id"), ("claim_id",), ("state", "offer_expires_at"))
        constraints = (
            UniqueConstraint(
                fields=("certificate_id",),
                name="lending_financing_one_live",
                condition="state IN ('SUBMITTED', 'CHECKED', 'OFFERED', 'ACCEPTED', 'SIGNED')",
            ),
            CheckConstraint(check="(state = 'DISBURSED') = (loan_id IS NOT NULL)", name="lending_financing_has_loan"),
        )


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
    claim is decided, then CONVERTED or REFUSED.
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


class FunderRow(Model):
    """An enterprise that may bid for receivables, as an operator admitted it."""

    uscc = fields.CharField(max_length=PARTY_LENGTH, primary_key=True)
    admitted_at = UtcDatetimeField()

    class Meta:
        table = "lending_funder"


class AuctionRow(Model):
    """One auction of a loan on a certificate. Rates are decimal text."""

    auction_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=10)
    certificate_id = fields.CharField(max_length=ID_LENGTH)
    receivable_id = fields.CharField(max_length=ID_LENGTH)
    holder_uscc = fields.CharField(max_length=PARTY_LENGTH)
    buyer_uscc = fields.CharField(max_length=PARTY_LENGTH)
    principal_fen = fields.BigIntField()
    highest_rate = fields.CharField(max_length=20)
    due_date = fields.DateField()
    closes_at = UtcDatetimeField()
    reveals_until = UtcDatetimeField()
    claim_id = fields.CharField(max_length=ID_LENGTH, null=True)
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_auction"
        indexes = (("state", "reveals_until"), ("claim_id",), ("holder_uscc", "created_at", "auction_id"))
        constraints = (
            UniqueConstraint(
                fields=("certificate_id",),
                name="lending_auction_one_live",
                condition="state IN ('OPEN', 'AWARDED')",
            ),
            CheckConstraint(check="closes_at < reveals_until", name="lending_auction_times"),
        )


class BidRow(Model):
    """One sealed bid; a funder has one in an auction. `annual_rate` is empty until it is revealed."""

    bid_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    auction: fields.ForeignKeyRelation[AuctionRow] = fields.ForeignKeyField(
        "lending.AuctionRow", on_delete=fields.RESTRICT, related_name="bids"
    )
    auction_id: str
    funder = fields.CharField(max_length=PARTY_LENGTH)
    commitment = fields.BinaryField()
    sequence = fields.IntField()
    state = fields.CharField(max_length=10)
    annual_rate = fields.CharField(max_length=20, null=True)
    placed_at = UtcDatetimeField()

    class Meta:
        table = "lending_bid"
        unique_together = (("auction", "funder"), ("auction", "sequence"))


class FlashRow(Model):
    """One application for a flash loan. `contract` is the canonical text that the person signs, empty when rejected."""

    application_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=10)
    subject = fields.CharField(max_length=PARTY_LENGTH)
    consent_id = fields.CharField(max_length=ID_LENGTH)
    limit_fen = fields.BigIntField()
    contract = fields.BinaryField()
    reasons: fields.JSONField[list[dict[str, str]]] = fields.JSONField()
    rule_version = fields.CharField(max_length=80)
    decision_id = fields.CharField(max_length=ID_LENGTH)
    loan_id = fields.CharField(max_length=ID_LENGTH, null=True)
    offer_expires_at = UtcDatetimeField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "lending_flash"
        indexes = (("state", "offer_expires_at"),)
        constraints = (
            CheckConstraint(check="(state = 'DISBURSED') = (loan_id IS NOT NULL)", name="lending_flash_has_loan"),
        )


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


class RegistrationRow(Model):
    """Our registration at the register of movable assets, one for each claim and named like it."""

    claim_id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    state = fields.CharField(max_length=12)
    grantor_uscc = fields.CharField(max_length=64)
    debtor_uscc = fields.CharField(max_length=64)
    document_number = fields.CharField(max_length=200)
    amount_fen = fields.BigIntField()
    issue_date = fields.DateField()
    number = fields.CharField(max_length=64, db_default="")
    registered_at = UtcDatetimeField(null=True)
    expires_on = fields.DateField(null=True)
    looked_on = fields.DateField(null=True)
    objection = fields.CharField(max_length=500, db_default="")

    class Meta:
        table = "lending_registration"
        indexes = (("state", "looked_on"),)
        constraints = (
            CheckConstraint(
                check="registered_at IS NOT NULL OR state NOT IN ('REGISTERED', 'AMENDED', 'EXTENDED', 'OBJECTED')",
                name="lending_registration_has_time",
            ),
        )
