from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('accounting', '0004_closed_days')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CaseEventRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('case_id', fields.CharField(db_index=True, max_length=40)),
                ('step', fields.CharField(max_length=10)),
                ('actor', fields.CharField(max_length=64)),
                ('note', fields.CharField(max_length=500)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_case_event', 'app': 'accounting', 'pk_attr': 'id', 'table_description': 'One step in the life of a case; never changed and never deleted (triggers refuse it).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CaseRow',
            fields=[
                ('case_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('source', fields.CharField(max_length=4)),
                ('kind', fields.CharField(max_length=16)),
                ('reason', fields.CharField(max_length=20)),
                ('account_id', fields.CharField(max_length=96)),
                ('item_id', fields.CharField(max_length=128)),
                ('item_date', fields.DateField()),
                ('amount_fen', fields.BigIntField()),
                ('candidates', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(max_length=8)),
                ('resolution', fields.CharField(max_length=12)),
                ('proposal', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('proposed_by', fields.CharField(null=True, max_length=64)),
                ('decided_by', fields.CharField(null=True, max_length=64)),
                ('created_at', UtcDatetimeField()),
                ('closed_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'accounting_case', 'app': 'accounting', 'constraints': [CheckConstraint(check='decided_by IS NULL OR (proposed_by IS NOT NULL AND decided_by <> proposed_by)', name='accounting_case_four_eyes'), CheckConstraint(check="(state = 'CLOSED') = (closed_at IS NOT NULL)", name='accounting_case_closed')], 'indexes': [Index(fields=['state', 'created_at', 'case_id']), Index(fields=['account_id', 'state', 'item_date'])], 'pk_attr': 'case_id', 'table_description': 'One difference that a person has to explain. `item_id` is an entry, a journal, or a payment in an ERP.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MatchedEntryRow',
            fields=[
                ('entry_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=96)),
                ('match_id', fields.CharField(max_length=224)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_matched_entry', 'app': 'accounting', 'pk_attr': 'entry_id', 'table_description': 'An entry that is accounted for, for good; the same `match_id` joins it to journals.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MatchedJournalRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('journal_id', fields.CharField(max_length=128)),
                ('account_id', fields.CharField(max_length=96)),
                ('reference', fields.CharField(max_length=35)),
                ('match_id', fields.CharField(max_length=224)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_matched_journal', 'app': 'accounting', 'constraints': [UniqueConstraint(fields=('journal_id', 'account_id'), name='accounting_matched_once')], 'indexes': [Index(fields=['account_id', 'reference'])], 'pk_attr': 'id', 'table_description': 'What a journal does to an account that statements are of, once it is accounted for; never changed.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StatementEntryRow',
            fields=[
                ('entry_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=96)),
                ('statement_key', fields.CharField(max_length=80)),
                ('account_id', fields.CharField(max_length=96)),
                ('booked_on', fields.DateField()),
                ('amount_fen', fields.BigIntField()),
                ('reference', fields.CharField(max_length=35)),
                ('bank_reference', fields.CharField(max_length=35)),
                ('outcome', fields.CharField(max_length=16)),
            ],
            options={'table': 'accounting_statement_entry', 'app': 'accounting', 'indexes': [Index(fields=['account_id', 'booked_on'])], 'pk_attr': 'entry_id', 'table_description': 'One entry of a statement, never changed: `outcome` is what it was found to be on import. No names, no texts.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StatementRow',
            fields=[
                ('statement_key', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=80)),
                ('statement_id', fields.CharField(max_length=35)),
                ('account_id', fields.CharField(max_length=96)),
                ('sequence', fields.BigIntField()),
                ('from_date', fields.DateField()),
                ('to_date', fields.DateField()),
                ('opening_fen', fields.BigIntField()),
                ('closing_fen', fields.BigIntField()),
                ('baseline_fen', fields.BigIntField()),
                ('entries', fields.IntField()),
                ('content_sha256', fields.BinaryField()),
                ('imported_by', fields.CharField(max_length=64)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'accounting_statement', 'app': 'accounting', 'constraints': [UniqueConstraint(fields=('account_id', 'sequence'), name='accounting_statement_in_order')], 'pk_attr': 'statement_key', 'table_description': "One statement of the bank, never changed. `baseline_fen`: by how much the first one's opening balance was above"},
            bases=['Model'],
        ),
    ]
