from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('ledger', '0006_conflicts')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='LeaseRow',
            options={'table': 'ledger_lease', 'app': 'ledger', 'pk_attr': 'name', 'table_description': 'Who alone may sign for this hub at present; each new holder gets a greater token, `wanted_by` comes next.'},
        ),
        ops.AddField(
            model_name='LeaseRow',
            name='wanted_by',
            field=fields.CharField(default='', max_length=64),
        ),
    ]
