from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('exchange', '0001_initial')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ReadRow',
            name='keep_until',
            field=UtcDatetimeField(null=True),
        ),
        ops.AddIndex(
            model_name='ReadRow',
            index=Index(fields=['keep_until']),
        ),
    ]
