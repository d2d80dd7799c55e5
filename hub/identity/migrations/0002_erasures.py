from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('identity', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ErasureRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('subject', fields.CharField(unique=True, max_length=64)),
                ('erasure_id', fields.CharField(unique=True, max_length=64)),
                ('certificate', fields.TextField(unique=False)),
                ('retained', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('erased_at', UtcDatetimeField()),
            ],
            options={'table': 'identity_erasure', 'app': 'identity', 'pk_attr': 'id', 'table_description': 'A person who had their data destroyed: the pseudonym as a tombstone, the certificate and what had to be kept.'},
            bases=['Model'],
        ),
    ]
