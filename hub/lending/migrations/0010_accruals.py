from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from hub.platform.immutable import rows_never_change

class Migration(migrations.Migration):
    dependencies = [('lending', '0009_referrals')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AccrualRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('business_day', fields.DateField()),
                ('loan_id', fields.CharField(max_length=64)),
                ('through_sequence', fields.IntField()),
                ('accrued_fen', fields.BigIntField()),
                ('change_fen', fields.BigIntField()),
                ('accrual', fields.DecimalField(max_digits=60, decimal_places=20)),
                ('per_unit', fields.DecimalField(max_digits=60, decimal_places=20)),
                ('basis', fields.CharField(null=True, max_length=8)),
                ('next_turn', fields.DateField(null=True)),
            ],
            options={'table': 'lending_accrual', 'app': 'lending', 'unique_together': (('business_day', 'loan_id'),), 'constraints': [CheckConstraint(check='accrued_fen >= 0', name='lending_accrual_not_negative')], 'pk_attr': 'id', 'table_description': 'The interest that one loan owed at the close of one day: a line of the sub-ledger behind ACCRUED_INTEREST.'},
            bases=['Model'],
        ),
        ops.RunPython(rows_never_change("lending_accrual")),
    ]
