from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("sample_domain", "0001_initial")]

    initial = False

    operations = [
        ops.AlterField(
            model_name="Parent",
            name="name",
            field=fields.CharField(null=True, max_length=40),
        ),
        ops.AddField(
            model_name="Parent",
            name="rank",
            field=fields.IntField(db_default=7),
        ),
    ]
