from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from hub.platform.immutable import rows_never_change
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0010_accruals')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PartPaymentRow',
            fields=[
                ('payment_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('payer', fields.CharField(max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('value_date', fields.DateField()),
                ('unpaid_fen', fields.BigIntField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_part_payment', 'app': 'lending', 'constraints': [CheckConstraint(check='amount_fen > 0 AND unpaid_fen >= 0', name='lending_part_payment_amounts')], 'indexes': [Index(fields=['receivable_id', 'created_at', 'payment_id'])], 'pk_attr': 'payment_id', 'table_description': 'One payment on a receivable that did not wait for the whole, in fen; never changed (triggers).'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='ClearingRow',
            name='paid_on',
            field=fields.DateField(null=True),
        ),
        ops.RunPython(rows_never_change("lending_part_payment")),
    ]
