from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


async def _fill(_apps: Any, schema_editor: Any) -> None:
    """Documents that were stored before carry their supplier in their content."""
    client = schema_editor.client
    supplier = "json_extract(content, '$.supplier_uscc')"
    if client.capabilities.dialect != "sqlite":
        supplier = "content ->> 'supplier_uscc'"
    await client.execute_query(f"UPDATE receivables_document SET supplier_uscc = {supplier}")  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("receivables", "0001_initial")]

    initial = False

    operations = [
        ops.AddField(
            model_name="DocumentRow",
            name="supplier_uscc",
            field=fields.CharField(db_default="", max_length=18),
        ),
        ops.AddIndex(
            model_name="DocumentRow",
            index=Index(fields=["supplier_uscc", "kind", "id"]),
        ),
        ops.RunPython(_fill),
    ]
