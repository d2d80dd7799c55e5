from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('lending', '0018_referrals_queue')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ErpPaymentRow',
            name='agreed',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddIndex(model_name='ErpPaymentRow', index=Index(fields=['buyer_uscc', 'agreed'])),
        ops.AddIndex(model_name='ErpPaymentRow', index=Index(fields=['invoice_document_id'])),
    ]
