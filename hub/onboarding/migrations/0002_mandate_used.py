from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('onboarding', '0001_initial')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='MandateRow',
            options={'table': 'onboarding_mandate', 'app': 'onboarding', 'indexes': [Index(fields=['uscc', 'power', 'object_id'])], 'pk_attr': 'id', 'table_description': "A signer's word for one act; `used_at` is when the act was done with it, and it is good for no other."},
        ),
        ops.AddField(
            model_name='MandateRow',
            name='used_at',
            field=UtcDatetimeField(null=True),
        ),
    ]
