from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('ledger', '0001_initial')]

    initial = False

    operations = [
        ops.AddField(
            model_name='LeafRow',
            name='chain_sequence',
            field=fields.BigIntField(null=True),
        ),
        ops.AddConstraint(
            model_name='LeafRow',
            constraint=UniqueConstraint(fields=('subject', 'chain_sequence'), name=None),
        ),
    ]
