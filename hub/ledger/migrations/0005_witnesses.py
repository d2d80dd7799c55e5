from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('ledger', '0004_claim_epochs')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CosignatureRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('size', fields.BigIntField()),
                ('witness', fields.CharField(max_length=160)),
                ('line', fields.TextField(unique=False)),
            ],
            options={'table': 'ledger_cosignature', 'app': 'ledger', 'unique_together': (('size', 'witness'),), 'pk_attr': 'id', 'table_description': "A witness's line under one of this hub's checkpoints."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='EquivocationRow',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('origin', fields.CharField(db_index=True, max_length=160)),
                ('proof', fields.BinaryField()),
                ('found_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_equivocation', 'app': 'ledger', 'pk_attr': 'sha256', 'table_description': "Another hub's log showed two histories: the portable proof, once for each pair of checkpoints."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LogEpochRow',
            fields=[
                ('number', fields.IntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('first_size', fields.BigIntField()),
            ],
            options={'table': 'ledger_log_epoch', 'app': 'ledger', 'pk_attr': 'number', 'table_description': "A generation of the log's keys that took over: it signs everything beyond `first_size` until the next one."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WitnessedRow',
            fields=[
                ('origin', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=160)),
                ('size', fields.BigIntField()),
                ('root', fields.BinaryField()),
                ('note', fields.TextField(unique=False)),
                ('seen_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_witnessed', 'app': 'ledger', 'pk_attr': 'origin', 'table_description': "Another hub's log, as this hub last saw and cosigned it."},
            bases=['Model'],
        ),
    ]
