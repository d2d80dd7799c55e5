from tortoise import migrations
from tortoise.migrations import operations as ops

from hub.accounting.closed_days import closed_days_never_change


class Migration(migrations.Migration):
    dependencies = [("accounting", "0003_day_closes")]
    operations = [ops.RunPython(closed_days_never_change)]
