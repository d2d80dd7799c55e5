from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('ledger', '0003_chain_outbox')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='HoldRow',
            options={'table': 'ledger_hold', 'app': 'ledger', 'pk_attr': 'id', 'table_description': "This hub's lock on one invoice; `id` is the hash of its first identifier in hex."},
        ),
        ops.AddField(
            model_name='HoldRow',
            name='epochs',
            field=fields.CharField(db_default='[1]', max_length=200),
        ),
        ops.AddField(
            model_name='HoldRow',
            name='identifiers',
            field=fields.TextField(db_default='[]', unique=False),
        ),
        ops.AddField(
            model_name='HoldRow',
            name='locked_epochs',
            field=fields.CharField(db_default='[1]', max_length=200),
        ),
    ]
