from tortoise import migrations
from tortoise.migrations import operations as ops

from hub.platform.immutable import rows_never_change


class Migration(migrations.Migration):
    dependencies = [("lending", "0003_workouts")]
    operations = [ops.RunPython(rows_never_change("lending_loan_detail"))]
