from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('exchange', '0006_notices_and_tallies')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RefusedCallRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=260)),
                ('day', fields.CharField(db_index=True, max_length=10)),
                ('caller', fields.CharField(max_length=128)),
                ('role', fields.CharField(max_length=16)),
                ('wanted', fields.CharField(max_length=8)),
                ('outcome', fields.CharField(max_length=64)),
                ('count', fields.BigIntField()),
            ],
            options={'table': 'exchange_refused_call', 'app': 'exchange', 'pk_attr': 'id', 'table_description': 'How many calls for data a caller was refused in one day in China that name no consent that there is; `caller` is'},
            bases=['Model'],
        ),
    ]
