from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('ledger', '0007_lease_wanted')]

    initial = False

    operations = [
        ops.AddField(
            model_name='HoldRow',
            name='deed',
            field=fields.CharField(db_default='', max_length=80),
        ),
        ops.RemoveField(model_name='HoldRow', name='attempts'),
    ]
