from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('receivables', '0004_part_payments')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DisputeRow',
            fields=[
                ('dispute_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('receivable_id', fields.CharField(db_index=True, max_length=64)),
                ('ground', fields.CharField(max_length=16)),
                ('statement', fields.CharField(max_length=500)),
                ('disputed_at', UtcDatetimeField()),
                ('ended_at', UtcDatetimeField(null=True)),
                ('ended_by', fields.CharField(null=True, max_length=18)),
            ],
            options={'table': 'receivables_dispute', 'app': 'receivables', 'constraints': [UniqueConstraint(fields=('receivable_id',), name='receivables_dispute_one_open', condition='ended_at IS NULL')], 'pk_attr': 'dispute_id', 'table_description': 'What a party said when it disputed a receivable; never changed but for how it ended.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='FreezeRow',
            fields=[
                ('freeze_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('kind', fields.CharField(max_length=12)),
                ('object_id', fields.CharField(max_length=64)),
                ('order_number', fields.CharField(max_length=100)),
                ('authority', fields.CharField(max_length=100)),
                ('frozen_at', UtcDatetimeField()),
                ('lifted_at', UtcDatetimeField(null=True)),
                ('lifting_order_number', fields.CharField(null=True, max_length=100)),
            ],
            options={'table': 'receivables_freeze', 'app': 'receivables', 'unique_together': (('kind', 'object_id', 'order_number'),), 'constraints': [CheckConstraint(check='(lifted_at IS NULL) = (lifting_order_number IS NULL)', name='receivables_freeze_lifted_by_order')], 'pk_attr': 'freeze_id', 'table_description': 'One court order over a receivable or a certificate; live until it is lifted. Several courts may wait in line.'},
            bases=['Model'],
        ),
    ]
