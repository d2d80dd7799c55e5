from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('receivables', '0005_freezes_and_disputes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='InvoiceCheckRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('invoice_sha256', fields.BinaryField()),
                ('outcome', fields.CharField(max_length=32)),
                ('checked_at', UtcDatetimeField()),
            ],
            options={'table': 'receivables_invoice_check', 'app': 'receivables', 'indexes': [Index(fields=['receivable_id', 'id'])], 'pk_attr': 'id', 'table_description': "What the tax authority said of a receivable's invoice at a time: AUTHENTIC, or the rule that it breaks. Only ever"},
            bases=['Model'],
        ),
    ]
