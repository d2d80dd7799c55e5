from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('receivables', '0007_sales')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='DocumentOrderRow',
            options={'table': 'receivables_document_order', 'app': 'receivables', 'unique_together': (('buyer_uscc', 'order_document_id', 'document_id'),), 'indexes': [Index(fields=['buyer_uscc', 'document_id'])], 'pk_attr': 'id', 'table_description': 'Which orders any version of a document answered, and which invoices a credit note named.'},
        ),
        ops.AddField(
            model_name='ReceivableRow',
            name='credited_fen',
            field=fields.BigIntField(db_default=0),
        ),
        ops.AddConstraint(
            model_name='ReceivableRow',
            constraint=CheckConstraint(check='credited_fen >= 0', name='receivables_credited_takes_off'),
        ),
    ]
