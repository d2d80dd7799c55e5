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
            name='MandateRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('uscc', fields.CharField(max_length=18)),
                ('power', fields.CharField(max_length=16)),
                ('object_id', fields.CharField(max_length=64)),
                ('signer_id', fields.CharField(max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('signature', fields.BinaryField()),
                ('given_at', UtcDatetimeField()),
            ],
            options={'table': 'onboarding_mandate', 'app': 'onboarding', 'indexes': [Index(fields=['uscc', 'power', 'object_id'])], 'pk_attr': 'id', 'table_description': "A signer's word for one act; never changed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SignerRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('uscc', fields.CharField(max_length=18)),
                ('signer_id', fields.CharField(max_length=64)),
                ('jwk', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('powers', fields.CharField(max_length=64)),
                ('limit_fen', fields.BigIntField()),
            ],
            options={'table': 'onboarding_signer', 'app': 'onboarding', 'unique_together': (('uscc', 'signer_id'),), 'pk_attr': 'id', 'table_description': 'One signer as the last change left it; without powers it is dismissed and kept.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='VerificationRow',
            fields=[
                ('uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=18)),
                ('name', fields.CharField(max_length=200)),
                ('state', fields.CharField(max_length=16)),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('legal_person_commitment', fields.BinaryField()),
                ('legal_person_jwk', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('changes', fields.BigIntField(db_default=0)),
                ('checked_at', UtcDatetimeField()),
            ],
            options={'table': 'onboarding_verification', 'app': 'onboarding', 'pk_attr': 'uscc', 'table_description': 'The newest comparison of an enterprise with the registry; `changes` counts the changes of its signers.'},
            bases=['Model'],
        ),
    ]
