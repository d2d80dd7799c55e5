from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
import unicodedata
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index

_RECEIPTS = "SELECT id, content FROM receivables_document WHERE kind = 'RECEIPT_ADVICE'"
_KEYS = (
    "SELECT receivable_id, supplier_uscc, invoice_number, invoice_key FROM receivables_receivable "
    "WHERE invoice_key IS NOT NULL"
)


async def _fill(_apps, schema_editor) -> None:
    """Numbers that were stored before get their one spelling; of two that become the same, the second keeps its own."""
    client = schema_editor.client
    sqlite = client.capabilities.dialect == "sqlite"
    one, two = ("?", "?") if sqlite else ("$1", "$2")
    for row in (await client.execute_query(_RECEIPTS))[1]:
        content = row["content"] if isinstance(row["content"], dict) else loads(row["content"])
        key = unicodedata.normalize("NFKC", content["number"]).upper().translate(_LOOK_ALIKE)[:200]
        await client.execute_query(f"UPDATE receivables_document SET number_key = {one} WHERE id = {two}", [key, row["id"]])
    rows = (await client.execute_query(_KEYS))[1]
    taken = {row["invoice_key"] for row in rows}
    for row in rows:
        key = _number_key(row["supplier_uscc"], row["invoice_number"])
        if key not in taken:
            taken.add(key)
            statement = f"UPDATE receivables_receivable SET invoice_key = {one} WHERE receivable_id = {two}"
            await client.execute_query(statement, [key, row["receivable_id"]])


# As it was when this step was written: later changes of the rule do not change history.
_LOOK_ALIKE = str.maketrans("OQIL", "0011")


def _number_key(supplier: str, number: str) -> str:
    folded = unicodedata.normalize("NFKC", number).upper().translate(_LOOK_ALIKE)
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in folded if c.isalnum())
    if plain.isdecimal():
        plain = plain.lstrip("0")
        plain = plain and plain.zfill(20 if len(plain) == 19 else 8)
    return f"{supplier}:{plain or number}"


class Migration(migrations.Migration):
    dependencies = [('receivables', '0002_supplier_of_document')]

    initial = False

    operations = [
        ops.CreateModel(
            name='FindingRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('receivable_id', fields.CharField(max_length=64)),
                ('rule', fields.CharField(max_length=32)),
                ('rules_version', fields.CharField(max_length=16)),
                ('repeats', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('is_open', fields.BooleanField()),
                ('note', fields.CharField(db_default='', max_length=500)),
                ('found_at', UtcDatetimeField()),
                ('looked_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'receivables_finding', 'app': 'receivables', 'unique_together': (('receivable_id', 'rule'),), 'indexes': [Index(fields=['is_open', 'id'])], 'pk_attr': 'id', 'table_description': 'A rule of fraud that asks for a look at a receivable; `is_open` until the bank looked. Never deleted.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='DocumentRow',
            name='number_key',
            field=fields.CharField(db_default='', max_length=200),
        ),
        ops.AddIndex(
            model_name='DocumentRow',
            index=Index(fields=['buyer_uscc', 'number_key']),
        ),
        ops.AddIndex(
            model_name='ReceivableRow',
            index=Index(fields=['buyer_uscc', 'supplier_uscc', 'issue_date']),
        ),
        ops.RunPython(_fill),
    ]
