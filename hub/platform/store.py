"""The platform's own tables: outbox, idempotent answers, subject keys."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class OutboxMessage(Model):
    """One side effect waiting to leave, written in the transaction that wants it."""

    id = fields.BigIntField(primary_key=True)
    topic = fields.CharField(max_length=64)
    key = fields.CharField(max_length=200)
    payload: fields.JSONField[dict[str, object]] = fields.JSONField()
    state = fields.CharField(max_length=8)
    attempts = fields.IntField()
    due_at = UtcDatetimeField()
    last_error = fields.CharField(max_length=200)
    written_at = UtcDatetimeField()

    class Meta:
        table = "platform_outbox"
        unique_together = (("topic", "key"),)
        indexes = (("topic", "state", "due_at"),)


class StoredAnswer(Model):
    """The first answer to a caller's request id ("caller/request id"), given again when the same request is
    repeated. One to a person, or about one, is under the key of this `subject`.
    """

    id = fields.CharField(max_length=160, primary_key=True)
    method = fields.CharField(max_length=120)
    request_sha256 = fields.BinaryField()
    answer = fields.BinaryField()
    answered_at = UtcDatetimeField()
    subject = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "platform_stored_answer"
        indexes = (("answered_at",),)


class SubjectKey(Model):
    """A person's data key, wrapped by the master key. Destroyed = the wrapped key is gone, the row says so for good."""

    subject = fields.CharField(max_length=64, primary_key=True)
    wrapped_key = fields.BinaryField(null=True)
    created_at = UtcDatetimeField()
    destroyed_at = UtcDatetimeField(null=True)

    class Meta:
        table = "platform_subject_key"


class RateBucket(Model):
    """How full one bucket of calls is: it is full again at `full_at_us` (microseconds since 1970). A full bucket has no
    row. `granted` is what the last lease took.
    """

    name = fields.CharField(max_length=200, primary_key=True)
    full_at_us = fields.BigIntField(db_index=True)
    granted = fields.IntField()

    class Meta:
        table = "platform_rate_bucket"
