"""Tables of the log: its records, tiles, head and checkpoints, and the generations of its keys."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class LeafRow(Model):
    """One record: its commitment, its readable copy (sealed where it is about a person), its place once it has one."""

    id = fields.BigIntField(primary_key=True)
    record_id = fields.CharField(max_length=160, unique=True)
    subject = fields.CharField(max_length=64, null=True)
    commitment = fields.BinaryField()
    body = fields.BinaryField()
    leaf_index = fields.BigIntField(null=True, unique=True)
    # Place in the chain of the subject's records, from 1 without a gap; empty for a record outside any chain.
    chain_sequence = fields.BigIntField(null=True)
    written_at = UtcDatetimeField()

    class Meta:
        table = "ledger_leaf"
        unique_together = (("subject", "chain_sequence"),)


class TileRow(Model):
    """One tile, at its greatest width; id "<level>/<index>"."""

    id = fields.CharField(max_length=40, primary_key=True)
    data = fields.BinaryField()

    class Meta:
        table = "ledger_tile"


class HeadRow(Model):
    """The log's present size, root and frontier; one row."""

    id = fields.IntField(primary_key=True, generated=False)
    size = fields.BigIntField()
    root = fields.BinaryField()
    frontier = fields.BinaryField()

    class Meta:
        table = "ledger_head"


class CheckpointRow(Model):
    """A signed checkpoint."""

    size = fields.BigIntField(primary_key=True, generated=False)
    root = fields.BinaryField()
    note = fields.TextField()
    signed_at = UtcDatetimeField()

    class Meta:
        table = "ledger_checkpoint"


class LogEpochRow(Model):
    """A generation of the log's keys that took over: it signs everything beyond `first_size` until the next one."""

    number = fields.IntField(primary_key=True, generated=False)
    first_size = fields.BigIntField()

    class Meta:
        table = "ledger_log_epoch"
