from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('receivables', '0006_invoice_checks')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SaleRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('core_uscc', fields.CharField(max_length=18)),
                ('document_id', fields.CharField(max_length=200)),
                ('version', fields.BigIntField()),
                ('dealer_uscc', fields.CharField(max_length=18)),
                ('number', fields.CharField(max_length=200)),
                ('issue_date', fields.DateField()),
                ('due_date', fields.DateField()),
                ('amount_fen', fields.BigIntField()),
                ('state', fields.CharField(max_length=32)),
                ('paid_on', fields.DateField(null=True)),
            ],
            options={'table': 'receivables_sale', 'app': 'receivables', 'unique_together': (('core_uscc', 'document_id'),), 'constraints': [CheckConstraint(check='amount_fen > 0', name='receivables_sale_amount')], 'indexes': [Index(fields=['core_uscc', 'issue_date']), Index(fields=['core_uscc', 'dealer_uscc', 'issue_date'])], 'pk_attr': 'id', 'table_description': 'What a core enterprise invoiced to a dealer, in the newest version that its ERP told. `paid_on` is empty until'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SalesConsentRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('core_uscc', fields.CharField(max_length=18)),
                ('party_uscc', fields.CharField(max_length=18)),
                ('since', UtcDatetimeField()),
            ],
            options={'table': 'receivables_sales_consent', 'app': 'receivables', 'unique_together': (('core_uscc', 'party_uscc'),), 'pk_attr': 'id', 'table_description': "That a party lets the bank decide on a core enterprise's sales: the core enterprise itself, or one dealer."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SalesCursorRow',
            fields=[
                ('core_uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=18)),
                ('cursor', fields.CharField(max_length=256)),
            ],
            options={'table': 'receivables_sales_cursor', 'app': 'receivables', 'pk_attr': 'core_uscc', 'table_description': "How far a core enterprise's sales were read."},
            bases=['Model'],
        ),
    ]
