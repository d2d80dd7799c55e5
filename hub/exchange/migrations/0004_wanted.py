from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('exchange', '0003_drop_access_copies')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ReadRow',
            name='wanted',
            field=fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
    ]
