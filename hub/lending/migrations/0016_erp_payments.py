from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0015_warnings')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ErpPaymentRow',
            fields=[
                ('payment_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('buyer_uscc', fields.CharField(max_length=64)),
                ('invoice_document_id', fields.CharField(max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('value_date', fields.DateField()),
                ('state', fields.CharField(max_length=8)),
                ('entry_number', fields.CharField(max_length=64)),
                ('reason', fields.CharField(max_length=32)),
                ('attempts', fields.IntField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_erp_payment', 'app': 'lending', 'constraints': [CheckConstraint(check='amount_fen > 0', name='lending_erp_payment_amount'), CheckConstraint(check="(state = 'POSTED') = (entry_number <> '')", name='lending_erp_payment_posted')], 'indexes': [Index(fields=['buyer_uscc', 'created_at', 'payment_id'])], 'pk_attr': 'payment_id', 'table_description': "One payment on a buyer's payable, to be posted in the buyer's own ledger; `entry_number` is the ERP's."},
            bases=['Model'],
        ),
    ]
