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
            name='OutboxMessage',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('topic', fields.CharField(max_length=64)),
                ('key', fields.CharField(max_length=200)),
                ('payload', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('state', fields.CharField(max_length=8)),
                ('attempts', fields.IntField()),
                ('due_at', UtcDatetimeField()),
                ('last_error', fields.CharField(max_length=200)),
                ('written_at', UtcDatetimeField()),
            ],
            options={'table': 'platform_outbox', 'app': 'platform', 'unique_together': (('topic', 'key'),), 'indexes': [Index(fields=['topic', 'state', 'due_at'])], 'pk_attr': 'id', 'table_description': 'One side effect waiting to leave, written in the transaction that wants it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StoredAnswer',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=160)),
                ('method', fields.CharField(max_length=120)),
                ('request_sha256', fields.BinaryField()),
                ('answer', fields.BinaryField()),
                ('answered_at', UtcDatetimeField()),
            ],
            options={'table': 'platform_stored_answer', 'app': 'platform', 'pk_attr': 'id', 'table_description': 'The first answer to a caller\'s request id ("caller/request id"), given again when the same request is'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SubjectKey',
            fields=[
                ('subject', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('wrapped_key', fields.BinaryField(null=True)),
                ('created_at', UtcDatetimeField()),
                ('destroyed_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'platform_subject_key', 'app': 'platform', 'pk_attr': 'subject', 'table_description': "A person's data key, wrapped by the master key. Destroyed = the wrapped key is gone, the row says so for good."},
            bases=['Model'],
        ),
    ]
