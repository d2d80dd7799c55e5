"""Tables of lending. Invariants that one row can show are CHECKs, so that no path in code can break them.

All tables of the domain are known by this module; those of a part of it stand in a sibling and are named here.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.accruals.store import AccrualRow as AccrualRow
from hub.lending.auctions.store import AuctionRow as AuctionRow
from hub.lending.auctions.store import BidRow as BidRow
from hub.lending.auctions.store import FunderRow as FunderRow
from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.lending.erp.store import ErpPaymentRow as ErpPaymentRow
from hub.lending.loans.store import CallRow as CallRow
from hub.lending.loans.store import ClearingRow as ClearingRow
from hub.lending.loans.store import CollectionEventRow as CollectionEventRow
from hub.lending.loans.store import LoanDetailRow as LoanDetailRow
from hub.lending.loans.store import LoanEventRow as LoanEventRow
from hub.lending.loans.store import LoanRow as LoanRow
from hub.lending.loans.store import PartPaymentRow as PartPaymentRow
from hub.lending.orders.store import ConversionRow as ConversionRow
from hub.lending.orders.store import DealerLoanRow as DealerLoanRow
from hub.lending.orders.store import OrderLineRow as OrderLineRow
from hub.lending.orders.store import OrderLoanRow as OrderLoanRow
from hub.lending.restructurings.store import RestructuringRow as RestructuringRow
from hub.lending.warnings.store import ReferralRow as ReferralRow
from hub.lending.warnings.store import WarningRoundRow as WarningRoundRow
from hub.lending.warnings.store import WarningRow as WarningRow
from hub.platform.fields import UtcDatetimeField


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


class RegistrationRow(Model):
    """Our registration at the register of movable assets, one for each claim and named like it.

    One that ran out is made anew: `attempt` counts, `outranked` says that another came first meanwhile. `revision`
    counts what changed since it was made; the amount is as registered, in fen.
    """

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
    grantor_name = fields.CharField(max_length=200, db_default="")
    debtor_name = fields.CharField(max_length=200, db_default="")
    attempt = fields.IntField(db_default=1)
    outranked = fields.BooleanField(db_default=False)
    revision = fields.IntField(db_default=0)

    class Meta:
        table = "lending_registration"
        indexes = (("state", "looked_on"),)
        constraints = (
            CheckConstraint(
                check="registered_at IS NOT NULL OR state NOT IN ('REGISTERED', 'AMENDED', 'EXTENDED', 'OBJECTED')",
                name="lending_registration_has_time",
            ),
        )
