from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('exchange', '0004_wanted')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ActionRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=130)),
                ('consent_id', fields.CharField(max_length=64)),
                ('action_id', fields.CharField(max_length=100)),
                ('fingerprint', fields.BinaryField()),
                ('phase', fields.CharField(max_length=10)),
                ('tries', fields.IntField()),
                ('next_try_at', UtcDatetimeField()),
                ('sealed_parameters', fields.BinaryField(null=True)),
                ('outcome', fields.CharField(null=True, max_length=10)),
                ('envelope', fields.BinaryField(null=True)),
                ('keep_until', UtcDatetimeField(null=True)),
                ('refusal', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('access_record_id', fields.CharField(null=True, max_length=64)),
            ],
            options={'table': 'exchange_action', 'app': 'exchange', 'indexes': [Index(fields=['consent_id', 'phase']), Index(fields=['phase', 'next_try_at']), Index(fields=['keep_until'])], 'pk_attr': 'id', 'table_description': 'One action of one person; id "<subject>/<request id>".'},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='QuotaRow',
            options={'table': 'exchange_quota', 'app': 'exchange', 'pk_attr': 'id', 'table_description': 'Reads of one dataset or uses of one action under one consent, "<consent>/<dataset or action>": those that took'},
        ),
    ]
