from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('ledger', '0008_claim_batches')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CoverBatchRow',
            fields=[
                ('beat', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('sent_beat', fields.BigIntField()),
                ('seed', fields.BinaryField()),
                ('claims', fields.IntField()),
                ('state', fields.CharField(max_length=10)),
                ('deed', fields.CharField(max_length=80)),
                ('given_up', fields.IntField(db_default=0)),
                ('spent', fields.CharField(db_default='[]', max_length=200)),
                ('release_deed', fields.CharField(db_default='', max_length=80)),
                ('next_release', fields.BigIntField(null=True)),
            ],
            options={'table': 'ledger_cover_batch', 'app': 'ledger', 'indexes': [Index(fields=['state']), Index(fields=['next_release']), Index(fields=['release_deed'])], 'pk_attr': 'beat', 'table_description': 'The batch of one beat. `seed` makes its cover; `deed` is the purpose of its newest transaction.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CoverPlaceRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('beat', fields.BigIntField()),
                ('place', fields.IntField()),
                ('owner_commitment', fields.CharField(max_length=44)),
                ('prints', fields.BinaryField()),
            ],
            options={'table': 'ledger_cover_place', 'app': 'ledger', 'unique_together': (('beat', 'place'),), 'indexes': [Index(fields=['owner_commitment'])], 'pk_attr': 'id', 'table_description': 'A real claim at its place in a batch.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CoverWaitRow',
            fields=[
                ('owner_commitment', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=44)),
                ('hold_id', fields.CharField(max_length=64)),
                ('prints', fields.BinaryField()),
                ('asked_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_cover_wait', 'app': 'ledger', 'pk_attr': 'owner_commitment', 'table_description': 'A real claim that waits for a place in a batch; its owner commitment in hex names it.'},
            bases=['Model'],
        ),
    ]
