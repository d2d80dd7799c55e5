from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from hub.platform.fields import UtcDatetimeField
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0013_collection_events')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DealerLoanRow',
            fields=[
                ('loan_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('state', fields.CharField(max_length=10)),
                ('core_uscc', fields.CharField(max_length=64)),
                ('dealer_uscc', fields.CharField(max_length=64)),
                ('limit_fen', fields.BigIntField()),
                ('product_id', fields.CharField(max_length=32)),
                ('principal_fen', fields.BigIntField()),
                ('interest_fen', fields.BigIntField()),
                ('fee_fen', fields.BigIntField()),
                ('annual_rate', fields.CharField(max_length=20)),
                ('apr', fields.CharField(max_length=20)),
                ('value_date', fields.DateField()),
                ('due_date', fields.DateField()),
                ('terms', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('reasons', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('decision_id', fields.CharField(max_length=64)),
                ('proposed_by', fields.CharField(null=True, max_length=64)),
                ('proposal', fields.CharField(null=True, max_length=8)),
                ('proposal_reason', fields.CharField(null=True, max_length=500)),
                ('reviewed_by', fields.CharField(null=True, max_length=64)),
                ('review_reason', fields.CharField(null=True, max_length=500)),
                ('offer_expires_at', UtcDatetimeField()),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_dealer_loan', 'app': 'lending', 'constraints': [UniqueConstraint(fields=('dealer_uscc',), name='lending_dealer_one_live', condition="state IN ('REFERRED', 'OFFERED')"), CheckConstraint(check='reviewed_by IS NULL OR (proposed_by IS NOT NULL AND reviewed_by <> proposed_by)', name='lending_dealer_four_eyes')], 'indexes': [Index(fields=['dealer_uscc', 'created_at', 'loan_id']), Index(fields=['state', 'offer_expires_at'])], 'pk_attr': 'loan_id', 'table_description': 'One application for a dealer loan, with the offer made on it and, where a person decided, who and why.'},
            bases=['Model'],
        ),
    ]
