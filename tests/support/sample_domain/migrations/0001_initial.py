from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Parent",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(max_length=20)),
            ],
            options={
                "table": "sample_parent",
                "app": "sample_domain",
                "pk_attr": "id",
                "table_description": "A row others hang on; semicolons in here must not split the script.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Child",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "sample_domain.Parent",
                        source_field="parent_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="children",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "sample_child",
                "app": "sample_domain",
                "pk_attr": "id",
                "table_description": "Goes away when its parent does.",
            },
            bases=["Model"],
        ),
    ]
