"""Tables of notifications and webhooks. Of persons nothing is kept here: parties are enterprises and the bank."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class NotificationRow(Model):
    """One party was told one thing once. The id is made from the party and the record, so telling again is a no-op."""

    notification_id = fields.CharField(max_length=64, primary_key=True)
    party = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=40)
    object_id = fields.CharField(max_length=200)
    record_id = fields.CharField(max_length=240)
    facts: fields.JSONField[dict[str, str]] = fields.JSONField()
    created_at = UtcDatetimeField()
    read_at = UtcDatetimeField(null=True)

    class Meta:
        table = "notification_notification"
        indexes = (("party", "created_at", "notification_id"), ("party", "read_at"), ("created_at",))


class WebhookRow(Model):
    """An address that a party's notifications are posted to; id "<party>/<webhook id>". `failures` counts failed tries
    since the last that succeeded.
    """

    id = fields.CharField(max_length=130, primary_key=True)
    party = fields.CharField(max_length=64)
    webhook_id = fields.CharField(max_length=64)
    url = fields.CharField(max_length=500)
    state = fields.CharField(max_length=10)
    failures = fields.IntField()
    last_outcome = fields.CharField(max_length=40)
    retry_at = UtcDatetimeField(null=True)
    created_at = UtcDatetimeField()

    class Meta:
        table = "notification_webhook"
        indexes = (("party", "state"),)
        constraints = (
            CheckConstraint(check="state IN ('ACTIVE', 'DISABLED', 'REMOVED')", name="notification_webhook_state"),
            CheckConstraint(check="failures >= 0", name="notification_webhook_failures"),
        )
