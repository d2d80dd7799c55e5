from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from hub.platform.fields import UtcDatetimeField
from ledger.anchor.transaction import decode

_COPY = (
    'INSERT INTO ledger_transaction (purpose, contract, call_data, gas_limit, state, sender, nonce, raw_transaction,'
    ' hash, gas_price, block_number, block_hash) VALUES '
)


async def copy_rows(_apps: Any, schema_editor: Any) -> None:
    """Bring over what was signed before there were several keys: the sender and the call are in the bytes."""
    client = schema_editor.client
    marks = '(' + ', '.join(['?'] * 12 if client.capabilities.dialect == 'sqlite' else [f'${n}' for n in range(1, 13)]) + ')'
    for row in await client.execute_query_dict('SELECT * FROM ledger_transaction_before'):
        signed = decode(bytes(row['raw_transaction']))
        sent = signed.transaction
        state = 'SIGNED' if row['state'] == 'PREPARED' else row['state']
        values = [row['purpose'], '0x' + sent.to.hex(), sent.data, sent.gas_limit, state, signed.sender, row['nonce']]
        values += [row['raw_transaction'], row['hash'], sent.gas_price, row['block_number'], row['block_hash']]
        await client.execute_query(_COPY + marks, values)
    await client.execute_query('DROP TABLE ledger_transaction_before')


class Migration(migrations.Migration):
    dependencies = [('ledger', '0002_subject_chains')]

    initial = False

    operations = [
        ops.RunSQL('CREATE TABLE ledger_transaction_before AS SELECT * FROM ledger_transaction'),
        ops.DeleteModel(name='TransactionRow'),
        ops.CreateModel(
            name='LeaseRow',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('holder', fields.CharField(max_length=64)),
                ('token', fields.BigIntField()),
                ('expires_at', UtcDatetimeField()),
            ],
            options={'table': 'ledger_lease', 'app': 'ledger', 'pk_attr': 'name', 'table_description': 'Who alone may sign for this hub at present; each new holder gets a greater token.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TransactionRow',
            fields=[
                ('purpose', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=160)),
                ('contract', fields.CharField(max_length=42)),
                ('call_data', fields.BinaryField()),
                ('gas_limit', fields.BigIntField()),
                ('prepared_at', UtcDatetimeField(null=True)),
                ('state', fields.CharField(max_length=10)),
                ('sender', fields.CharField(null=True, max_length=42)),
                ('nonce', fields.BigIntField(null=True)),
                ('raw_transaction', fields.BinaryField(null=True)),
                ('hash', fields.CharField(null=True, max_length=66)),
                ('gas_price', fields.BigIntField(null=True)),
                ('sent_at', UtcDatetimeField(null=True)),
                ('block_number', fields.BigIntField(null=True)),
                ('block_hash', fields.CharField(null=True, max_length=66)),
            ],
            options={'table': 'ledger_transaction', 'app': 'ledger', 'unique_together': (('sender', 'nonce'),), 'indexes': [Index(fields=['state', 'nonce'])], 'pk_attr': 'purpose', 'table_description': 'A deed on the chain, from its preparation to its final block; the purpose names it, so each happens once.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='VariantRow',
            fields=[
                ('hash', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=66)),
                ('purpose', fields.CharField(db_index=True, max_length=160)),
                ('raw_transaction', fields.BinaryField()),
                ('gas_price', fields.BigIntField()),
            ],
            options={'table': 'ledger_transaction_variant', 'app': 'ledger', 'pk_attr': 'hash', 'table_description': 'Other bytes that were signed for the nonce of a transaction, at another price.'},
            bases=['Model'],
        ),
        ops.RunPython(copy_rows),
    ]
