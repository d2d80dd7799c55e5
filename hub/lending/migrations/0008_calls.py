from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0007_group_limits')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CallRow',
            fields=[
                ('loan_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('cause', fields.CharField(max_length=10)),
                ('called_on', fields.DateField()),
                ('due_on', fields.DateField()),
                ('state', fields.CharField(max_length=8)),
                ('times', fields.IntField()),
                ('tried_on', fields.DateField(null=True)),
            ],
            options={'table': 'lending_call', 'app': 'lending', 'constraints': [CheckConstraint(check='called_on <= due_on', name='lending_call_days')], 'indexes': [Index(fields=['state', 'due_on'])], 'pk_attr': 'loan_id', 'table_description': 'A loan that was called in because the receivable under it was disputed or diluted.'},
            bases=['Model'],
        ),
    ]
