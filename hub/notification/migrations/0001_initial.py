from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='NotificationRow',
            fields=[
                ('notification_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('party', fields.CharField(max_length=64)),
                ('kind', fields.CharField(max_length=40)),
                ('object_id', fields.CharField(max_length=200)),
                ('record_id', fields.CharField(max_length=240)),
                ('facts', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', UtcDatetimeField()),
                ('read_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'notification_notification', 'app': 'notification', 'indexes': [Index(fields=['party', 'created_at', 'notification_id']), Index(fields=['party', 'read_at']), Index(fields=['created_at'])], 'pk_attr': 'notification_id', 'table_description': 'One party was told one thing once. The id is made from the party and the record, so telling again is a no-op.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WebhookRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=130)),
                ('party', fields.CharField(max_length=64)),
                ('webhook_id', fields.CharField(max_length=64)),
                ('url', fields.CharField(max_length=500)),
                ('state', fields.CharField(max_length=10)),
                ('failures', fields.IntField()),
                ('last_outcome', fields.CharField(max_length=40)),
                ('retry_at', UtcDatetimeField(null=True)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'notification_webhook', 'app': 'notification', 'constraints': [CheckConstraint(check="state IN ('ACTIVE', 'DISABLED', 'REMOVED')", name='notification_webhook_state'), CheckConstraint(check='failures >= 0', name='notification_webhook_failures')], 'indexes': [Index(fields=['party', 'state'])], 'pk_attr': 'id', 'table_description': 'An address that a party\'s notifications are posted to; id "<party>/<webhook id>". `failures` counts failed tries'},
            bases=['Model'],
        ),
    ]
