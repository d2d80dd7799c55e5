"""Tables about witnesses: their signatures on this log, and the logs that this hub watches."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class CosignatureRow(Model):
    """A witness's line under one of this hub's checkpoints."""

    id = fields.BigIntField(primary_key=True)
    size = fields.BigIntField()
    witness = fields.CharField(max_length=160)
    line = fields.TextField()

    class Meta:
        table = "ledger_cosignature"
        unique_together = (("size", "witness"),)


class WitnessedRow(Model):
    """Another hub's log, as this hub last saw and cosigned it."""

    origin = fields.CharField(max_length=160, primary_key=True)
    size = fields.BigIntField()
    root = fields.BinaryField()
    note = fields.TextField()
    seen_at = UtcDatetimeField()

    class Meta:
        table = "ledger_witnessed"


class EquivocationRow(Model):
    """Another hub's log showed two histories: the portable proof, once for each pair of checkpoints."""

    sha256 = fields.CharField(max_length=64, primary_key=True)
    origin = fields.CharField(max_length=160, db_index=True)
    proof = fields.BinaryField()
    found_at = UtcDatetimeField()

    class Meta:
        table = "ledger_equivocation"
