from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0019_erp_agreed')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RestructuringRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('loan_id', fields.CharField(max_length=64)),
                ('number', fields.IntField()),
                ('state', fields.CharField(max_length=8)),
                ('terms', fields.BinaryField()),
                ('offered_at', UtcDatetimeField()),
                ('signed_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'lending_restructuring', 'app': 'lending', 'unique_together': (('loan_id', 'number'),), 'constraints': [CheckConstraint(check="(signed_at IS NOT NULL) = (state = 'SIGNED')", name='lending_restructuring_signed'), UniqueConstraint(fields=('loan_id',), name='lending_restructuring_one_open', condition="state = 'OFFERED'")], 'pk_attr': 'id', 'table_description': 'One offer, by its number of the loan; `terms` is the very text that the borrower signs. One at a time is open.'},
            bases=['Model'],
        ),
    ]
