"""Tables of what this hub does on the chain."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class TransactionRow(Model):
    """A deed on the chain, from its preparation to its final block; the purpose names it, so each happens once.

    `sender`, `nonce` and bytes are there once it is signed; when it is final the bytes are those that were mined.
    """

    purpose = fields.CharField(max_length=160, primary_key=True)
    contract = fields.CharField(max_length=42)
    call_data = fields.BinaryField()
    gas_limit = fields.BigIntField()
    prepared_at = UtcDatetimeField(null=True)
    state = fields.CharField(max_length=10)
    sender = fields.CharField(max_length=42, null=True)
    nonce = fields.BigIntField(null=True)
    raw_transaction = fields.BinaryField(null=True)
    hash = fields.CharField(max_length=66, null=True)
    gas_price = fields.BigIntField(null=True)
    sent_at = UtcDatetimeField(null=True)
    block_number = fields.BigIntField(null=True)
    block_hash = fields.CharField(max_length=66, null=True)

    class Meta:
        table = "ledger_transaction"
        unique_together = (("sender", "nonce"),)
        indexes = (("state", "nonce"),)


class VariantRow(Model):
    """Other bytes that were signed for the nonce of a transaction, at another price."""

    hash = fields.CharField(max_length=66, primary_key=True)
    purpose = fields.CharField(max_length=160, db_index=True)
    raw_transaction = fields.BinaryField()
    gas_price = fields.BigIntField()

    class Meta:
        table = "ledger_transaction_variant"


class LeaseRow(Model):
    """Who alone may sign for this hub at present; each new holder gets a greater token, `wanted_by` comes next."""

    name = fields.CharField(max_length=40, primary_key=True)
    holder = fields.CharField(max_length=64)
    token = fields.BigIntField()
    expires_at = UtcDatetimeField()
    wanted_by = fields.CharField(max_length=64, default="")

    class Meta:
        table = "ledger_lease"


class AnchorRow(Model):
    """A checkpoint that is final on the chain, with the transaction that put it there."""

    size = fields.BigIntField(primary_key=True, generated=False)
    purpose = fields.CharField(max_length=120)

    class Meta:
        table = "ledger_anchor"
