from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('receivables', '0008_credits')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ErpTroubleRow',
            fields=[
                ('buyer_uscc', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=18)),
                ('failures', fields.IntField()),
                ('since', UtcDatetimeField()),
                ('code', fields.CharField(max_length=64)),
            ],
            options={'table': 'receivables_erp_trouble', 'app': 'receivables', 'pk_attr': 'buyer_uscc', 'table_description': "A buyer's ERP connector that fails since a time: how often in a row, and with which code the last time."},
            bases=['Model'],
        ),
    ]
