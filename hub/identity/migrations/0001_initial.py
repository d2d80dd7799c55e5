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
            name='EnterpriseRow',
            fields=[
                ('uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=18)),
                ('name', fields.CharField(max_length=200)),
                ('confirmation_certificate_pem', fields.TextField(unique=False)),
                ('token_jwk', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('registered_at', UtcDatetimeField()),
            ],
            options={'table': 'identity_enterprise', 'app': 'identity', 'pk_attr': 'uscc', 'table_description': 'A registered enterprise with the certificate of its confirmation key and the key of its client assertions.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PersonRow',
            fields=[
                ('subject', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('key_binding', fields.TextField(unique=False)),
                ('registered_at', UtcDatetimeField()),
            ],
            options={'table': 'identity_person', 'app': 'identity', 'pk_attr': 'subject', 'table_description': "A registered person: the pseudonym and the identity authority's binding of the present device key."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RevokedTokenRow',
            fields=[
                ('token_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('expires_at', UtcDatetimeField()),
            ],
            options={'table': 'identity_revoked_token', 'app': 'identity', 'indexes': [Index(fields=['expires_at'])], 'pk_attr': 'token_id', 'table_description': 'An access token that was ended before its time, kept until it would have ended anyway.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='UsedProofRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=200)),
                ('expires_at', UtcDatetimeField()),
            ],
            options={'table': 'identity_used_proof', 'app': 'identity', 'indexes': [Index(fields=['expires_at'])], 'pk_attr': 'id', 'table_description': 'A login proof that counted once: a challenge or the jti of a client assertion, kept until it expires.'},
            bases=['Model'],
        ),
    ]
