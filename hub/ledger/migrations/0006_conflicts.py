from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('ledger', '0005_witnesses')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ConflictRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=100)),
                ('sequence', fields.BigIntField()),
                ('claim_id', fields.CharField(max_length=64)),
                ('refused', fields.BooleanField()),
                ('counterpart_hub', fields.CharField(max_length=100)),
                ('counterpart_claim_id', fields.CharField(max_length=200)),
                ('counterpart_claimed_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_conflict', 'app': 'ledger', 'indexes': [Index(fields=['sequence'])], 'pk_attr': 'id', 'table_description': 'One conflict, as the counterpart stated it; `id` is that of its record in the log.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='HoldRow',
            name='owner_commitment',
            field=fields.CharField(db_default='', max_length=44),
        ),
        ops.AddIndex(
            model_name='HoldRow',
            index=Index(fields=['owner_commitment']),
        ),
    ]
