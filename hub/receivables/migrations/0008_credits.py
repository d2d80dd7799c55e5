from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('receivables', '0007_sales')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ReceivableRow',
            name='credited_fen',
            field=fields.BigIntField(db_default=0),
        ),
        ops.AddConstraint(
            model_name='ReceivableRow',
            constraint=CheckConstraint(check='credited_fen >= 0', name='receivables_credited_takes_off'),
        ),
    ]
