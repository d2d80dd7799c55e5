from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('consent', '0002_life')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DelegationRevocationRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('at', UtcDatetimeField()),
            ],
            options={'table': 'consent_delegation_revocation', 'app': 'consent', 'pk_attr': 'id', 'table_description': 'A delegation that was taken back; id is the SHA-256 of its statement in hex.'},
            bases=['Model'],
        ),
    ]
