from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('exchange', '0005_actions')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AccessEventRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('record_id', fields.CharField(max_length=64)),
                ('subject', fields.CharField(max_length=64)),
                ('agency', fields.CharField(max_length=64)),
                ('dataset', fields.CharField(max_length=100)),
                ('recipient', fields.CharField(max_length=64)),
                ('purpose', fields.CharField(max_length=64)),
                ('outcome', fields.CharField(max_length=64)),
                ('at', UtcDatetimeField()),
            ],
            options={'table': 'exchange_access_event', 'app': 'exchange', 'indexes': [Index(fields=['subject'])], 'pk_attr': 'id', 'table_description': 'One access record that was not yet counted and told of: an outbox of its own, emptied within moments.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NoticePreferenceRow',
            fields=[
                ('subject', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('daily_digest', fields.BooleanField()),
            ],
            options={'table': 'exchange_notice_preference', 'app': 'exchange', 'pk_attr': 'subject', 'table_description': 'A person who wants one notice a day.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NoticeRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('subject', fields.CharField(max_length=64)),
                ('at', UtcDatetimeField()),
                ('body', fields.BinaryField()),
                ('read_at', UtcDatetimeField(null=True)),
                ('held_day', fields.CharField(null=True, db_index=True, max_length=10)),
            ],
            options={'table': 'exchange_notice', 'app': 'exchange', 'indexes': [Index(fields=['subject', 'at', 'id'])], 'pk_attr': 'id', 'table_description': 'One notice to a person; `body` is under their key. `held_day`: it waits for the digest of that day.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TallyRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=340)),
                ('day', fields.CharField(db_index=True, max_length=10)),
                ('agency', fields.CharField(max_length=64)),
                ('dataset', fields.CharField(max_length=100)),
                ('purpose', fields.CharField(max_length=64)),
                ('outcome', fields.CharField(max_length=64)),
                ('count', fields.BigIntField()),
            ],
            options={'table': 'exchange_tally', 'app': 'exchange', 'pk_attr': 'id', 'table_description': 'How many records there are of one day in China, agency, dataset, purpose and outcome; of nobody in particular.'},
            bases=['Model'],
        ),
    ]
