from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('lending', '0017_registration_revisions')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ReferralRow',
            fields=[
                ('application_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('product_id', fields.CharField(max_length=32)),
                ('applicant', fields.CharField(max_length=64)),
                ('amount_fen', fields.BigIntField()),
                ('decision_id', fields.CharField(max_length=64)),
                ('reason_codes', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(max_length=10)),
                ('proposed_by', fields.CharField(max_length=64)),
                ('proposal', fields.CharField(max_length=8)),
                ('proposal_reason', fields.CharField(max_length=500)),
                ('decided_by', fields.CharField(max_length=64)),
                ('decided_reason', fields.CharField(max_length=500)),
                ('created_at', UtcDatetimeField()),
            ],
            options={'table': 'lending_referral', 'app': 'lending', 'constraints': [CheckConstraint(check="(decided_by <> '') = (state IN ('APPROVED', 'REJECTED'))", name='lending_referral_decided'), CheckConstraint(check="decided_by = '' OR decided_by <> proposed_by", name='lending_referral_two_persons')], 'indexes': [Index(fields=['state', 'created_at', 'application_id'])], 'pk_attr': 'application_id', 'table_description': 'An application that a decision table left to a person, and what persons said; the amount in fen.'},
            bases=['Model'],
        ),
    ]
