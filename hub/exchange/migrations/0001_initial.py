from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='AccessRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('subject', fields.CharField(max_length=64)),
                ('at', UtcDatetimeField()),
                ('record', fields.BinaryField()),
            ],
            options={'table': 'exchange_access', 'app': 'exchange', 'indexes': [Index(fields=['subject', 'at', 'id'])], 'pk_attr': 'id', 'table_description': "One access record; `record` is encrypted under the subject's key, unreadable once that key is destroyed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='QuotaRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=170)),
                ('used', fields.IntField()),
            ],
            options={'table': 'exchange_quota', 'app': 'exchange', 'pk_attr': 'id', 'table_description': 'Reads of one dataset under one consent, "<consent>/<dataset>": those delivered and those under way.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ReadRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=130)),
                ('consent_id', fields.CharField(max_length=64)),
                ('fingerprint', fields.BinaryField()),
                ('phase', fields.CharField(max_length=10)),
                ('running_until', UtcDatetimeField(null=True)),
                ('envelope', fields.BinaryField(null=True)),
                ('refusal', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('access_record_id', fields.CharField(null=True, max_length=64)),
            ],
            options={'table': 'exchange_read', 'app': 'exchange', 'indexes': [Index(fields=['consent_id', 'phase'])], 'pk_attr': 'id', 'table_description': 'One request of one reader; id "<reader>/<request id>".'},
            bases=['Model'],
        ),
    ]
