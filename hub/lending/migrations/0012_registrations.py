from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0011_part_payments')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RegistrationRow',
            fields=[
                ('claim_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=12)),
                ('grantor_uscc', fields.CharField(max_length=64)),
                ('debtor_uscc', fields.CharField(max_length=64)),
                ('document_number', fields.CharField(max_length=200)),
                ('amount_fen', fields.BigIntField()),
                ('issue_date', fields.DateField()),
                ('number', fields.CharField(db_default='', max_length=64)),
                ('registered_at', UtcDatetimeField(null=True)),
                ('expires_on', fields.DateField(null=True)),
                ('looked_on', fields.DateField(null=True)),
                ('objection', fields.CharField(db_default='', max_length=500)),
            ],
            options={'table': 'lending_registration', 'app': 'lending', 'constraints': [CheckConstraint(check="registered_at IS NOT NULL OR state NOT IN ('REGISTERED', 'AMENDED', 'EXTENDED', 'OBJECTED')", name='lending_registration_has_time')], 'indexes': [Index(fields=['state', 'looked_on'])], 'pk_attr': 'claim_id', 'table_description': 'Our registration at the register of movable assets, one for each claim and named like it.'},
            bases=['Model'],
        ),
    ]
