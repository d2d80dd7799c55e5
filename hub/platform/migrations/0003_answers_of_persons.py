from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('platform', '0002_rate_buckets')]

    initial = False

    operations = [
        ops.AddField(
            model_name='StoredAnswer',
            name='subject',
            field=fields.CharField(null=True, max_length=64),
        ),
    ]
