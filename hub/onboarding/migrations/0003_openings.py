from tortoise import migrations
from tortoise.migrations import operations as ops
from hub.platform.fields import UtcDatetimeField
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('onboarding', '0002_mandate_used')]

    initial = False

    operations = [
        ops.CreateModel(
            name='OpeningDocumentRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('application_id', fields.CharField(max_length=48)),
                ('uscc', fields.CharField(max_length=18)),
                ('kind', fields.CharField(max_length=32)),
                ('media_type', fields.CharField(max_length=64)),
                ('size_bytes', fields.IntField()),
                ('sha256', fields.CharField(max_length=64)),
                ('valid_until', fields.DateField(null=True)),
                ('content', fields.BinaryField(null=True)),
                ('uploaded_at', UtcDatetimeField()),
            ],
            options={'table': 'onboarding_opening_document', 'app': 'onboarding', 'unique_together': (('application_id', 'kind'),), 'indexes': [Index(fields=['sha256'])], 'pk_attr': 'id', 'table_description': "A document of an application. `content` is encrypted under the application's own key; null once destroyed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OpeningRow',
            fields=[
                ('application_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=48)),
                ('uscc', fields.CharField(max_length=18)),
                ('open_uscc', fields.CharField(null=True, unique=True, max_length=18)),
                ('name', fields.CharField(max_length=200)),
                ('signer_id', fields.CharField(max_length=64)),
                ('state', fields.CharField(max_length=16)),
                ('reasons', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('accepted', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('submissions', fields.IntField(db_default=0)),
                ('steps', fields.IntField(db_default=0)),
                ('account_number', fields.CharField(null=True, unique=True, max_length=32)),
                ('created_at', UtcDatetimeField()),
                ('changed_at', UtcDatetimeField()),
                ('uploaded_at', UtcDatetimeField(null=True)),
                ('result_at', UtcDatetimeField(null=True)),
                ('due_at', UtcDatetimeField(null=True)),
                ('opened_at', UtcDatetimeField(null=True)),
                ('destroyed_at', UtcDatetimeField(null=True)),
            ],
            options={'table': 'onboarding_opening', 'app': 'onboarding', 'constraints': [CheckConstraint(check="(state = 'OPENED') = (account_number IS NOT NULL)", name='onboarding_opened_account'), CheckConstraint(check="(open_uscc IS NULL) = (state IN ('OPENED', 'REFUSED', 'WITHDRAWN', 'EXPIRED'))", name='onboarding_opening_one_open')], 'indexes': [Index(fields=['uscc', 'created_at']), Index(fields=['state', 'changed_at']), Index(fields=['result_at'])], 'pk_attr': 'application_id', 'table_description': "One application. `open_uscc` is the enterprise's code while the application goes on: there is one at a time."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='VisitRow',
            fields=[
                ('application_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=48)),
                ('branch_code', fields.CharField(max_length=8)),
                ('day', fields.DateField()),
                ('slot', fields.CharField(max_length=5)),
                ('place', fields.IntField()),
            ],
            options={'table': 'onboarding_visit', 'app': 'onboarding', 'unique_together': (('branch_code', 'day', 'slot', 'place'),), 'constraints': [CheckConstraint(check='place > 0', name='onboarding_visit_place')], 'pk_attr': 'application_id', 'table_description': 'A booked visit: one of the numbered places of a branch at a time. Two can never have the same.'},
            bases=['Model'],
        ),
    ]
