"""Tables of claims and of the locks that they share."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class HoldRow(Model):
    """This hub's lock on one invoice; `id` is the hash of its first identifier in hex.

    `identifiers` is a JSON list of the invoice's canonical identifiers, from which fingerprints of later epochs are
    made. `fingerprints` are those of `epochs` (a JSON list), joined, 32 bytes each; none before a key was asked.
    `locked_epochs` are those under which the chain shows our final lock. Several claims of the hub, e.g. on parts of a
    split receivable, share a hold.
    """

    id = fields.CharField(max_length=64, primary_key=True)
    fingerprints = fields.BinaryField()
    salt = fields.BinaryField()
    state = fields.CharField(max_length=10)
    # Purpose of the newest transaction that it went into, of `deed` and a number of its own.
    deed = fields.CharField(max_length=80, db_default="")
    identifiers = fields.TextField(db_default="[]")
    epochs = fields.CharField(max_length=200, db_default="[1]")
    locked_epochs = fields.CharField(max_length=200, db_default="[1]")
    # In hex; others address this hub by it.
    owner_commitment = fields.CharField(max_length=44, db_default="")

    class Meta:
        table = "ledger_hold"
        indexes = (("owner_commitment",),)


class ClaimRow(Model):
    """A claim on the receivable of an invoice."""

    claim_id = fields.CharField(max_length=64, primary_key=True)
    hold_id = fields.CharField(max_length=64)
    state = fields.CharField(max_length=10)
    reason = fields.CharField(max_length=60)
    requested_at = UtcDatetimeField()

    class Meta:
        table = "ledger_claim"
        indexes = (("hold_id", "state"),)
