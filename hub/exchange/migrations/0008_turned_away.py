from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('exchange', '0007_refused_calls')]

    initial = False

    operations = [
        ops.CreateModel(
            name='TurnedAwayRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('consent_id', fields.CharField(db_index=True, max_length=64)),
                ('is_action', fields.BooleanField()),
                ('name', fields.CharField(max_length=128)),
                ('code', fields.CharField(max_length=64)),
                ('requested_by', fields.CharField(max_length=128)),
                ('caller', fields.CharField(max_length=128)),
                ('role', fields.CharField(max_length=16)),
                ('count', fields.BigIntField()),
            ],
            options={'table': 'exchange_turned_away', 'app': 'exchange', 'pk_attr': 'id', 'table_description': 'How often the same call for data was refused at the door since this was last recorded (`stored_refusals.py`).'},
            bases=['Model'],
        ),
    ]
