from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('accounting', '0002_immutable')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DayRow',
            fields=[
                ('business_day', fields.DateField(primary_key=True, unique=True, db_index=True)),
                ('state', fields.CharField(max_length=8)),
                ('cursor', fields.CharField(max_length=64)),
                ('batches', fields.IntField()),
                ('loans', fields.BigIntField()),
                ('accrued_fen', fields.BigIntField()),
                ('debit_fen', fields.BigIntField()),
                ('credit_fen', fields.BigIntField()),
                ('started_at', UtcDatetimeField()),
                ('closed_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'accounting_day', 'app': 'accounting', 'constraints': [CheckConstraint(check="state <> 'CLOSED' OR debit_fen = credit_fen", name='accounting_day_balances')], 'pk_attr': 'business_day', 'table_description': 'The close of one business day; once CLOSED it never changes (a trigger refuses it).'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='JournalRow',
            name='booked_on',
            field=fields.DateField(null=True),
        ),
    ]
