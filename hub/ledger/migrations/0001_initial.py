from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='AnchorRow',
            fields=[
                ('size', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('purpose', fields.CharField(max_length=120)),
            ],
            options={'table': 'ledger_anchor', 'app': 'ledger', 'pk_attr': 'size', 'table_description': 'A checkpoint that is final on the chain, with the transaction that put it there.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CheckpointRow',
            fields=[
                ('size', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('root', fields.BinaryField()),
                ('note', fields.TextField(unique=False)),
                ('signed_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_checkpoint', 'app': 'ledger', 'pk_attr': 'size', 'table_description': 'A signed checkpoint.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ClaimRow',
            fields=[
                ('claim_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('hold_id', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('reason', fields.CharField(max_length=60)),
                ('requested_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_claim', 'app': 'ledger', 'indexes': [Index(fields=['hold_id', 'state'])], 'pk_attr': 'claim_id', 'table_description': 'A claim on the receivable of an invoice.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='HeadRow',
            fields=[
                ('id', fields.IntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('size', fields.BigIntField()),
                ('root', fields.BinaryField()),
                ('frontier', fields.BinaryField()),
            ],
            options={'table': 'ledger_head', 'app': 'ledger', 'pk_attr': 'id', 'table_description': "The log's present size, root and frontier; one row."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='HoldRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('fingerprints', fields.BinaryField()),
                ('salt', fields.BinaryField()),
                ('state', fields.CharField(max_length=10)),
                ('attempts', fields.IntField()),
            ],
            options={'table': 'ledger_hold', 'app': 'ledger', 'pk_attr': 'id', 'table_description': "This hub's lock on one invoice; `id` is the first fingerprint in hex, `fingerprints` are joined, 32 bytes each."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LeafRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('record_id', fields.CharField(unique=True, max_length=160)),
                ('subject', fields.CharField(null=True, max_length=64)),
                ('commitment', fields.BinaryField()),
                ('body', fields.BinaryField()),
                ('leaf_index', fields.BigIntField(null=True, unique=True)),
                ('written_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_leaf', 'app': 'ledger', 'pk_attr': 'id', 'table_description': 'One record: its commitment, its readable copy (sealed where it is about a person), its place once it has one.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TileRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('data', fields.BinaryField()),
            ],
            options={'table': 'ledger_tile', 'app': 'ledger', 'pk_attr': 'id', 'table_description': 'One tile, at its greatest width; id "<level>/<index>".'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TransactionRow',
            fields=[
                ('purpose', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=120)),
                ('nonce', fields.BigIntField(unique=True)),
                ('raw_transaction', fields.BinaryField()),
                ('hash', fields.CharField(max_length=66)),
                ('state', fields.CharField(max_length=10)),
                ('block_number', fields.BigIntField(null=True)),
                ('block_hash', fields.CharField(null=True, max_length=66)),
            ],
            options={'table': 'ledger_transaction', 'app': 'ledger', 'indexes': [Index(fields=['state', 'nonce'])], 'pk_attr': 'purpose', 'table_description': 'A transaction for the chain, signed before it is sent; the purpose names the deed, so each happens once.'},
            bases=['Model'],
        ),
    ]
