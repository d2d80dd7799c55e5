from tortoise import migrations
from tortoise.migrations import operations as ops

from hub.platform.immutable import rows_never_change


class Migration(migrations.Migration):
    dependencies = [("convenience", "0002_payment_desk")]
    operations = [ops.RunPython(rows_never_change("convenience_paid_over"))]
