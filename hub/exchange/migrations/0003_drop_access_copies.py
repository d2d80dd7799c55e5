from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [('exchange', '0002_keep_until')]

    initial = False

    operations = [
        ops.DeleteModel(name='AccessRow'),
    ]
