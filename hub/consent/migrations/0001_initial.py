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
            name='ConsentRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('subject', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=12)),
                ('artefact', fields.BinaryField()),
                ('agencies', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('signed', fields.BinaryField(null=True)),
                ('valid_until', UtcDatetimeField()),
                ('requested_at', UtcDatetimeField()),
                ('granted_at', UtcDatetimeField(null=True)),
                ('ended_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'consent_consent', 'app': 'consent', 'indexes': [Index(fields=['subject', 'requested_at', 'id'])], 'pk_attr': 'id', 'table_description': 'One consent; `signed` is empty until it is granted. Expiry is derived from `valid_until`, never stored.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RevocationRow',
            fields=[
                ('cursor', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('consent_id', fields.CharField(unique=True, max_length=64)),
                ('revoked_at', UtcDatetimeField()),
            ],
            options={'table': 'consent_revocation', 'app': 'consent', 'pk_attr': 'cursor', 'table_description': 'One revocation. Cursors grow without gaps in commit order, so a reader that has seen n has seen all up to n.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SealedSubjectRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=130)),
                ('envelope', fields.BinaryField()),
            ],
            options={'table': 'consent_sealed_subject', 'app': 'consent', 'pk_attr': 'id', 'table_description': 'A person\'s name, resident ID and salt, sealed to one agency for one consent; id "<consent>/<agency>".'},
            bases=['Model'],
        ),
    ]
