from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Account',
            fields=[
                ('account_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=96)),
                ('owner', fields.CharField(max_length=64)),
                ('kind', fields.CharField(max_length=16)),
                ('guarded_fen', fields.BigIntField()),
                ('opened_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_account', 'app': 'accounting', 'constraints': [CheckConstraint(check='guarded_fen >= 0', name='accounting_account_not_overdrawn')], 'pk_attr': 'account_id', 'table_description': "One account. `guarded_fen` is the balance on the account's normal side where the kind is guarded, else 0."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='JournalRow',
            fields=[
                ('journal_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128)),
                ('value_date', fields.DateField()),
                ('narrative', fields.CharField(max_length=200)),
                ('content_sha256', fields.BinaryField()),
                ('posted_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_journal', 'app': 'accounting', 'pk_attr': 'journal_id', 'table_description': 'Head of a journal; never changed and never deleted (triggers refuse it).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LineRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('journal', fields.ForeignKeyField('accounting.JournalRow', source_field='journal_id', db_constraint=True, to_field='journal_id', related_name='lines', on_delete=OnDelete.RESTRICT)),
                ('account', fields.ForeignKeyField('accounting.Account', source_field='account_id', db_index=True, db_constraint=True, to_field='account_id', related_name='lines', on_delete=OnDelete.RESTRICT)),
                ('debit_fen', fields.BigIntField()),
                ('credit_fen', fields.BigIntField()),
            ],
            options={'table': 'accounting_line', 'app': 'accounting', 'constraints': [CheckConstraint(check='(debit_fen > 0 AND credit_fen = 0) OR (debit_fen = 0 AND credit_fen > 0)', name='accounting_line_one_side')], 'pk_attr': 'id', 'table_description': 'One line of a journal; never changed and never deleted (triggers refuse it).'},
            bases=['Model'],
        ),
    ]
