"""Tables of auctions and of who may bid in them."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from hub.lending.columns import ID_LENGTH, PARTY_LENGTH
from hub.platform.fields import UtcDatetimeField


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
